"""Gradient descent on an attention."""

from dataclasses import dataclass

from theorysim.core import validate
from theorysim.core.html import Shown


@dataclass(frozen=True)
class AttentionGD(Shown):
    """Full-batch gradient descent on (1/n) Σ_i log(1 + exp(−y_i f(X_i))), all that is trained with one learning rate.

    With s the softmax of a sample's scores, g its values x·v and c = 1/(1 + exp(y f)), a step is

        p += η Wᵀu,   W += η u pᵀ (if ``train_keys``),   v += η Σ_it (c_i y_i/n) s_it x_it (if ``train_head``),

    u = Σ_it (c_i y_i/n) s_it (g_it − f_i) x_it, the right sides being those before the step.

    Parameters
    ----------
    lr : float
        η.
    train_keys, train_head : bool
        Whether W and v move, too.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """

    lr: float
    train_keys: bool = False
    train_head: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "lr", validate.real("lr", self.lr, 0, above=True))
        for name in ("train_keys", "train_head"):
            object.__setattr__(self, name, validate.flag(name, getattr(self, name)))
