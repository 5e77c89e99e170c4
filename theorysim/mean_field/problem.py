"""The signal-noise model where noise vectors are orthogonal to each other."""

import dataclasses
from dataclasses import dataclass
from typing import Self

from theorysim.core import validate
from theorysim.patch.problem import SignalNoise


@dataclass(frozen=True, repr=False, init=False)
class MeanField(SignalNoise):
    r"""The patch network in the limit d → ∞ at fixed n, m, SNR, ησ_p²d and σ_0σ_p√d: its mean field.

    Noise vectors are then orthogonal to the signal and to each other, ‖ξ_i‖² = σ_p²d, so nothing couples the samples
    but the signal. Every inner product moves by itself: with κ_i = η‖ξ_i‖²/(nm), λ = η‖μ‖²/(nm),
    c_i = ε_i/(1 + e^{ε_i f_i}) and f_i the output ỹ_i f(x_i),

        z_{r,i} ← z_{r,i} ± qκ_i c_i z_{r,i}^{q−1}   (z_{r,i} = ⟨w_{j,r}, ξ_i⟩ > 0; + for j = ỹ_i, − for j = −ỹ_i),
        s_{j,r} ← s_{j,r} ± qλ s_{j,r}^{q−1} Σ_{i: y_i = k} ỹ_i y_i c_i   (s_{j,r} = k⟨w_{j,r}, μ⟩ > 0; + for j = k),
        f_i = ỹ_i y_i S_{y_i} + F_i − F'_i,

    with S_k, F_i and F'_i the sums of (1/m) s^q over filters of branch k less those of −k, of (1/m) z^q over the
    sample's own branch, and over the other. For q = 2 all active filters of a sample and branch are multiplied by one
    factor, 1 ± 2κ_i c_i, and one number stands for them: a step is O(n), whatever d and m. A filter whose factor is
    not positive is dead: nothing reaches it any more. For other q every filter has its number, O(nm) a step.

    What is neglected is of relative order √(n/d): the overlap of noise vectors. The parameters are those of
    :class:`theorysim.SignalNoise`, ``snr`` and others in place of fields included; d still sets κ and the test error.

    Raises
    ------
    TypeError, ValueError
        As of :class:`theorysim.SignalNoise`; also for a bias, which couples all samples, and for uniform weights,
        whose law remains in their inner products with the signal.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bias:
            raise ValueError(f"bias={self.bias!r}: must be 0 in the mean field, a bias couples all samples")
        if self.init_law != "normal":
            raise ValueError(f"init_law={self.init_law!r}: must be 'normal' in the mean field")
        if not self.is_standard:
            raise ValueError("activation, loss, reduction, readout: must be left as they are in the mean field"
                             f"{self.told()}")

    @classmethod
    def of(cls, problem: SignalNoise) -> Self:
        """The mean field of a problem."""
        validate.instance("problem", problem, (SignalNoise,))
        return cls(**{one.name: getattr(problem, one.name) for one in dataclasses.fields(SignalNoise)})

    def exact(self) -> SignalNoise:
        """The problem that this is the mean field of."""
        return SignalNoise(**{one.name: getattr(self, one.name) for one in dataclasses.fields(SignalNoise)})
