"""What is learned: the signal-noise model (patches by other laws: patch_model; given patches: patch_data)."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Self, Unpack, overload

import numpy as np

from theorysim.core import validate
from theorysim.patch.activation import Activation, Network, NetworkFields
from theorysim.patch.derived import IN_PLACE, InPlace, complete, fields_of
from theorysim.patch.labels import flip_rates
from theorysim.patch.patch_data import PatchData
from theorysim.patch.patch_laws import LARGEST
from theorysim.patch.patch_model import PatchModel


REQUIRED = ("d", "m", "signal_norm", "noise_std", "init_std")


@dataclass(frozen=True)
class SignalNoise(Network):
    r"""Signal-plus-noise data and the two-layer patch network that meets it.

    Each of n samples has a label y = ±1 (uniform) and two patches, the signal
    y μ with ‖μ‖ = ``signal_norm`` and a noise vector ξ:

    - ``orthogonal_noise=True``: ξ ~ N(0, σ_p² (I − μμᵀ/‖μ‖²))  (Cao et al. 2022; Huang et al. 2025),
    - ``orthogonal_noise=False``: ξ ~ N(0, σ_p² I)  (Kou et al. 2023; Han et al. 2025).

    The network is f(x) = Σ_j j/m Σ_r Σ_p σ(⟨w_{j,r}, x^(p)⟩), j = ±1, r = 1..m, with
    σ(z) = max(0, z)^q and w_{j,r}(0) ~ N(0, σ_0² I_d); the second layer is fixed.

    Parameters
    ----------
    n : int
        Training samples, at least 1.
    d : int
        Dimension of a patch, at least 2. Cost does not depend on it.
    m : int
        Filters per branch; the network has 2m.
    signal_norm : float
        ‖μ‖₂ ≥ 0. With no signal at all the direction of μ is still that of the first axis.
    noise_std : float
        σ_p > 0.
    init_std : float
        σ_0 ≥ 0.
    q : float
        Power of the activation, at least 1: 1 is ReLU (with σ'(0) = 0), 2 the squared ReLU.
    label_flip : float or (float, float)
        Probability that a training label is flipped, once, before training. A pair gives
        the rates of the two classes, (P(ỹ=−1 | y=+1), P(ỹ=+1 | y=−1)).
    flip_law : "independent" or "stratified"
        Whether every label is flipped independently, or in each class exactly the rate's share of its samples
        (rounded), drawn at random.
    orthogonal_noise : bool
        Whether noise is drawn orthogonal to the signal.
    init_law : "normal" or "uniform"
        Law of an initial weight, of mean 0 and standard deviation σ_0: N(0, σ_0²), or U[−√3 σ_0, √3 σ_0] as
        deep-learning libraries do (then data and weights are drawn as vectors).
    bias : float
        Appended to every patch as one more coordinate, so that a filter's weight there, drawn as the
        others, is a bias; 0 for none. Signal learning is then counted for (μ, bias) and (−μ, bias).
    activation, loss, reduction, readout
        Of another network than the papers': see :class:`theorysim.patch.activation.Network`.
    snr, n_snr2 : float, optional
        In place of ``signal_norm``: the SNR ‖μ‖/(σ_p√d), or n·SNR², that ``signal_norm`` is set by.
    d_over_n2 : float, optional
        In place of ``d``, which is set to it times n², rounded.
    init_scale : float, optional
        In place of ``init_std``: σ_0σ_p√d, that ``init_std`` is set by.

    Only the fields are kept, not which number they came from: ``replace(noise_std=...)`` later changes the SNR. (A
    dataclass derived from this one has a constructor of its own, of fields alone.)

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the range allowed; also where a field is given twice, as by ``snr`` and
        ``signal_norm``, or not at all.
    """

    n: int
    d: int
    m: int
    signal_norm: float
    noise_std: float
    init_std: float
    q: float = 2
    label_flip: float | tuple[float, float] = 0.0
    orthogonal_noise: bool = True
    init_law: str = "normal"
    bias: float = 0.0
    flip_law: str = "independent"

    @overload
    def __init__(
        self, n: int, d: int, m: int, signal_norm: float, noise_std: float, init_std: float, q: float = ...,
        label_flip: float | tuple[float, float] = ..., orthogonal_noise: bool = ..., init_law: str = ...,
        bias: float = ..., flip_law: str = ..., **network: Unpack[NetworkFields],
    ) -> None: ...

    @overload
    def __init__(self, *, n: int, m: int, noise_std: float, **others: Unpack[InPlace]) -> None: ...

    def __init__(  # written out for the numbers that are no fields; what is a field has the field's default
        self, n: int, d: int | None = None, m: int | None = None, signal_norm: float | None = None,
        noise_std: float | None = None, init_std: float | None = None, q: float = q,
        label_flip: float | tuple[float, float] = label_flip, orthogonal_noise: bool = orthogonal_noise,
        init_law: str = init_law, bias: float = bias, flip_law: str = flip_law, *, snr: float | None = None,
        n_snr2: float | None = None, d_over_n2: float | None = None, init_scale: float | None = None,
        activation: Activation | None = Network.activation, loss: str = Network.loss,
        reduction: str = Network.reduction, readout: tuple[float, ...] | None = Network.readout,
    ) -> None:
        optional = (*REQUIRED, *IN_PLACE)
        given = {name: value for name, value in locals().items()
                 if name not in ("self", "optional") and not (name in optional and value is None)}
        complete(given, REQUIRED)
        for name, value in fields_of(given, {}).items():
            object.__setattr__(self, name, value)
        self.__post_init__()

    def __post_init__(self) -> None:
        checked = {
            "n": validate.integer("n", self.n, 1),
            "d": validate.integer("d", self.d, 2, 2**53),
            "m": validate.integer("m", self.m, 1),
            "signal_norm": validate.real("signal_norm", self.signal_norm, 0, LARGEST),
            "noise_std": validate.real("noise_std", self.noise_std, 0, LARGEST, above=True),
            "init_std": validate.real("init_std", self.init_std, 0, LARGEST),
            "q": validate.real("q", self.q, 1, 100),
            "label_flip": flip_rates(self.label_flip),
            "orthogonal_noise": validate.flag("orthogonal_noise", self.orthogonal_noise),
            "init_law": validate.choice("init_law", self.init_law, ("normal", "uniform")),
            "bias": validate.real("bias", self.bias, -LARGEST, LARGEST),
            "flip_law": validate.choice("flip_law", self.flip_law, ("independent", "stratified")),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        self.check_network(self.m, self.q)

    @property
    def sigma(self) -> Activation:
        """The activation: ``activation``, or max(0, z)^q."""
        return self.sigma_of(self.q)

    @property
    def snr(self) -> float:
        """Signal-to-noise ratio ‖μ‖ / (σ_p √d)."""
        return self.signal_norm / (self.noise_std * float(np.sqrt(self.d)))

    @property
    def n_snr2(self) -> float:
        """n·SNR², the variable of the phase diagrams for q = 2."""
        return self.n * self.snr**2

    @property
    def d_over_n2(self) -> float:
        """d/n²; most theorems ask for at least a constant times a logarithm."""
        return self.d / self.n**2

    @property
    def init_scale(self) -> float:
        """σ_0σ_p√d, the size of a filter's inner product with a noise vector at the start."""
        return float(self.init_std * self.noise_std * self.d**0.5)

    def kappa(self, lr: float) -> float:
        """κ = ησ_p²d/(nm), what a step of the learning rate η multiplies: memory grows by 1 + κ a step at first."""
        lr = validate.real("lr", lr, 0)
        return lr * self.noise_std**2 * self.d / (self.n * self.m)

    def signal_rate(self, lr: float) -> float:
        """λ = η‖μ‖²/(nm) = κ·SNR², for the signal what κ is for the memory of one sample."""
        return validate.real("lr", lr, 0) * self.signal_norm**2 / (self.n * self.m)

    def lr_at(self, kappa: float) -> float:
        """The learning rate η = κnm/(σ_p²d)."""
        kappa = validate.real("kappa", kappa, 0, above=True)
        return kappa * self.n * self.m / (self.noise_std**2 * self.d)

    @property
    def atoms(self) -> int:
        """K, the number of distinct patches up to sign: the signal (two with a bias) and n noise vectors."""
        return self.n + (2 if self.bias else 1)

    @property
    def flip_rates(self) -> tuple[float, float]:
        """Flip probabilities of the labels +1 and −1."""
        flip = self.label_flip
        return flip if isinstance(flip, tuple) else (flip, flip)

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed.

        Besides the fields the derived numbers may be given: ``d_over_n2=`` sets d (rounded) at the
        possibly changed n, then ``snr=`` or ``n_snr2=`` sets ``signal_norm`` and ``init_scale=`` sets ``init_std`` at
        the possibly changed n, d and noise_std.
        """
        fields = {field.name for field in dataclasses.fields(self)}
        unknown = set(changes) - fields - set(IN_PLACE)
        if unknown:
            name = min(unknown)
            allowed = ", ".join([*sorted(fields), *IN_PLACE])
            raise TypeError(f"{name}={changes[name]!r}: not a field; the fields are {allowed}")
        known = {name: getattr(self, name) for name in fields}
        return dataclasses.replace(self, **fields_of(changes, known))

    def __repr__(self) -> str:
        """All fields, of the network's own only what is not at its default."""
        network = {field.name for field in dataclasses.fields(Network)}
        shown = (f"{one.name}={getattr(self, one.name)!r}" for one in dataclasses.fields(self)
                 if one.name not in network)
        return f"{type(self).__name__}({', '.join(shown)}{self.told()})"

    def _rows_shown(self) -> dict[str, Any]:
        return super()._rows_shown() | {"SNR": self.snr, "n·SNR²": self.n_snr2, "d/n²": self.d_over_n2}


Problem = SignalNoise | PatchData | PatchModel
