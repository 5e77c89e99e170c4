"""Samples of tokens, one of which carries the signal of the label."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from theorysim.core import validate
from theorysim.core.html import Shown

UNIFORM, GAUSSIAN, IDENTITY = "uniform", "gaussian", "identity"
KEY_LAWS = (UNIFORM, GAUSSIAN, IDENTITY)
RELEVANT, WEAK, IRRELEVANT = range(3)  # kinds of tokens
DERIVED = {"snr": "signal_norm", "n_snr2": "signal_norm"}  # numbers, and the field that each takes the place of
LARGEST_NORM = 1e20  # of lengths given: products of Gram matrices stay far from an overflow

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TokenSelection(Shown):
    """Data of labels y = ±1 with T tokens each, and the attention that starts on them.

    Token 1 is μ_y + ξ, ``weak`` more are ρμ_y + ξ, ``opposed`` more ρμ_{−y} + ξ, the others ξ, all ξ ~ N(0, σ²I_d)
    independent; μ_{+1} = ‖μ‖e₁ and μ_{−1} = ‖μ‖e₂. The first half of the samples (rounded down) has y = +1, the others
    −1, and so many of each as ``label_flip`` says (rounded) are observed with the other label. The attention
    f(X) = vᵀXᵀ softmax(XWp) starts with p = 0 and v along e₁ − e₂.

    Parameters
    ----------
    n, d, tokens : int
        Samples, dimension (at least 2), tokens T of a sample.
    signal_norm : float
        ‖μ‖.
    relevance : float
        ρ.
    weak, opposed : int
        Weakly relevant tokens of a sample with the signal of its label, and with the other one.
    noise_std : float
        σ.
    label_flip : float
        Share of each class, in [0, 1].
    key_law : {"uniform", "gaussian", "identity"}
        Of the entries of W(0): uniform as linear layers start, Gaussian, or W(0) = I (no W in the model).
    key_std : float, optional
        Standard deviation of these entries; by default that of a linear layer's start, 1/√(3d), which is U(±1/√d).
    head_norm : float, optional
        ‖v(0)‖; by default 1/‖μ‖.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed.
    """

    n: int = 20
    d: int = 1000
    tokens: int = 8
    signal_norm: float = 20.0
    relevance: float = 0.1
    weak: int = 1
    opposed: int = 1
    noise_std: float = 1.0
    label_flip: float = 0.2
    key_law: str = UNIFORM
    key_std: float | None = None
    head_norm: float | None = None

    def __post_init__(self) -> None:
        for name, low in (("n", 1), ("d", 2), ("tokens", 1), ("weak", 0), ("opposed", 0)):
            object.__setattr__(self, name, validate.integer(name, getattr(self, name), low))
        if 1 + self.weak + self.opposed > self.tokens:
            raise ValueError(f"tokens={self.tokens}: must be at least 1 + weak + opposed = "
                             f"{1 + self.weak + self.opposed}")
        for name in ("signal_norm", "relevance", "noise_std"):
            object.__setattr__(self, name, validate.real(name, getattr(self, name), 0, LARGEST_NORM))
        object.__setattr__(self, "label_flip", validate.real("label_flip", self.label_flip, 0, 1))
        validate.choice("key_law", self.key_law, KEY_LAWS)
        for name in ("key_std", "head_norm"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, validate.real(name, getattr(self, name), 0, LARGEST_NORM))
        if self.key_law == IDENTITY and self.key_std is not None:
            raise ValueError(f"key_std={self.key_std:g}: must be None where key_law={IDENTITY!r}")
        if self.head_norm is None and not self.signal_norm * LARGEST_NORM >= 1:
            raise ValueError(f"head_norm=None: must be given where signal_norm={self.signal_norm:g}, of which it would "
                             "be the inverse")

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed; ``snr=`` or ``n_snr2=`` sets ``signal_norm`` at the other fields.

        Raises
        ------
        TypeError, ValueError
            For more than one of ``signal_norm``, ``snr`` and ``n_snr2``; and of the class itself.
        """
        given = [name for name in ("signal_norm", *DERIVED) if name in changes]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)}: give only one of them, each sets signal_norm")
        changed = replace(self, **{name: value for name, value in changes.items() if name not in DERIVED})
        for name in DERIVED.keys() & changes.keys():
            value = validate.real(name, changes[name], 0)
            snr = value if name == "snr" else float(np.sqrt(value / changed.n))
            return replace(changed, signal_norm=snr * changed.noise_std * float(np.sqrt(changed.d)))
        return changed

    @property
    def snr(self) -> float:
        """‖μ‖/(σ√d); infinite without noise."""
        noise = self.noise_std * float(np.sqrt(self.d))
        return self.signal_norm / noise if noise > 0 else float("inf")

    @property
    def n_snr2(self) -> float:
        """n·SNR² = n‖μ‖²/(σ²d)."""
        return self.n * self.snr**2

    @property
    def entry_std(self) -> float:
        """Standard deviation of the entries of W(0), where these are random."""
        return 1 / float(np.sqrt(3 * self.d)) if self.key_std is None else self.key_std

    @property
    def head(self) -> tuple[float, float]:
        """v(0)·e₁ and v(0)·e₂; v(0) has no other part."""
        norm = 1 / self.signal_norm if self.head_norm is None else self.head_norm
        return norm / float(np.sqrt(2)), -norm / float(np.sqrt(2))

    @property
    def kinds(self) -> NDArray[np.int64]:
        """(T,) 0 for the relevant token, 1 for weakly relevant ones, 2 for the others."""
        kinds = np.full(self.tokens, IRRELEVANT)
        kinds[1 : 1 + self.weak + self.opposed] = WEAK
        kinds[0] = RELEVANT
        return kinds

    def signals(self) -> Array:
        """(2, T, 2) signals of the tokens along (e₁, e₂), of a sample with y = +1 and of one with y = −1."""
        found = np.zeros((2, self.tokens, 2))
        for place, own in enumerate((0, 1)):
            found[place, 0, own] = self.signal_norm
            found[place, 1 : 1 + self.weak, own] = self.relevance * self.signal_norm
            found[place, 1 + self.weak : 1 + self.weak + self.opposed, 1 - own] = self.relevance * self.signal_norm
        return found

    def labels(self) -> tuple[Array, Array]:
        """(n,) true labels and observed ones: in each class the first so many are flipped."""
        half = self.n // 2
        true = np.where(np.arange(self.n) < half, 1.0, -1.0)
        observed = true.copy()
        for first, size in ((0, half), (half, self.n - half)):
            observed[first : first + round(self.label_flip * size)] *= -1
        return true, observed
