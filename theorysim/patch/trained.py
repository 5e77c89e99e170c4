"""A trained patch network: its coefficients at the recorded steps, and what follows from them alone."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theorysim.core import blas, validate
from theorysim.core.labelled import Labelled
from theorysim.core.run import At, RowsRun
from theorysim.patch import dimensions
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.draw import Draw
from theorysim.patch.kernels.layout import Weights
from theorysim.patch.problem import Problem

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class TrainedRun(RowsRun):
    """A run with coefficients; :class:`PatchRun` adds what is measured of it.

    Attributes
    ----------
    coefficients : (records, 2m, K) array, in the precision of the run
        b with w(t) = w(0) + Σ_a b_a v_a over the atoms v_a; γ and ρ are b times ‖v_a‖².
    inner : (2m, K) array
        ⟨w, v_a⟩ at the end.
    weights : (2m, D) array or None
        Explicit weights at the end, for the engines that keep them.
    beside : tuple of arrays
        What the training rule needs at the end beside ``inner`` and the last coefficients.
    scales : (records,) array
        α at the recorded steps, below 1 under weight decay: w(t) = α w(0) + Σ_a b_a v_a + drift.
    readouts : (records, 2m) array
        The second layer, which may be trained.
    drifts : (records, 2m, D) array or None
        What noise on the weights has added.
    """

    problem: Problem
    algorithm: GradientDescent
    draw: Draw
    coefficients: Weights
    inner: Weights
    weights: Array | None = None
    beside: tuple[Weights, ...] = ()
    scales: Array = field(default_factory=lambda: np.empty(0))
    readouts: Array = field(default_factory=lambda: np.empty((0, 0)))
    drifts: Array | None = None

    PER_RECORD: ClassVar[Sequence[str]] = ("steps_recorded", "coefficients", "scales", "readouts", "drifts")

    def __post_init__(self) -> None:
        """Files of before there were such rules have neither scales nor readouts."""
        super().__post_init__()
        records = len(self.steps_recorded)
        if not len(self.scales):
            object.__setattr__(self, "scales", np.ones(records))
        if not len(self.readouts):
            second = self.problem.second_layer(self.draw.m)
            object.__setattr__(self, "readouts", np.tile(second, (records, 1)))

    @cached_property
    def gamma(self) -> Array:
        """Signal learning γ_{j,r} at the recorded steps, (records, 2, m), row 0 for j = +1.

        With several signal atoms S (patch data) the shape is (records, 2, m, S), and each is
        counted toward the class that it speaks for (:attr:`Draw.orientation`).
        """
        signal = self.draw.owner < 0
        gamma = self._branches(signal) * np.array([1.0, -1.0])[:, None, None] * self.draw.orientation[signal]
        return gamma[..., 0] if signal.sum() == 1 else gamma

    @cached_property
    def rho(self) -> Array:
        """Noise memorization ρ_{j,r,i} at the recorded steps, (records, 2, m, n).

        For patch data the last axis runs over the atoms that belong to one sample only.
        """
        return self._branches(self.draw.owner >= 0)

    def _branches(self, atoms: NDArray[np.bool_]) -> Array:
        scaled: Array = self.coefficients[..., atoms] * self.draw.norm_sq[atoms]
        return scaled.reshape(len(scaled), 2, self.draw.m, -1)

    def weights_at(self, at: At = "end") -> Array:
        """Filters of a recorded step in the draw's own coordinates, w(t) = w(0) + Σ_a b_a v_a, (2m, D)."""
        with blas.single_threaded():
            return self.draw.weights_from(*self._parts(at))

    def _parts(self, at: At) -> tuple[Array, float, Array | None]:
        """b, α and drift of a recorded step."""
        record = self.record(at)
        drift = None if self.drifts is None else self.drifts[record]
        return self.coefficients[record], float(self.scales[record]), drift

    def outputs(self, at: At = "end", label: int | None = None) -> Array:
        """f(x_i) on the training samples at a recorded step, (n,); with ``label`` ±1 on those of this true label."""
        inner = self.products(at)
        outputs = self._vote(inner[:, self.draw.atom] * self.draw.sign, at)
        if label is None:
            return outputs
        validate.choice("label", str(label), ("1", "-1"))
        return outputs[self.draw.labels == label]

    def predict(self, patches: ArrayLike, at: At = "end") -> Array:
        """f(x) on new samples (N, P, d) at a recorded step, (N,).

        Raises
        ------
        ValueError
            When the shape does not fit, or the draw has no coordinates to compare
            the patches with (simulate with ``draw="vectors"``).
        """
        weights = reconstruct(self, at).reshape(2 * self.draw.m, -1)
        given = validate.array("patches", patches, None, None, weights.shape[1])
        return self._vote(np.moveaxis(given @ weights.T, -1, 0), at)

    def _vote(self, inner: Array, at: At) -> Array:
        """Sum of the filters' votes from their inner products (2m, N, P) with the patches."""
        readout = self.readouts[self.record(at)]
        votes: Array = np.tensordot(readout, self.problem.sigma(inner), axes=1).sum(axis=-1)
        return votes

    def products(self, at: At = "end", atoms: slice = slice(None)) -> Array:
        """⟨w_k, v_a⟩ of filters and some atoms at a recorded step, (2m, atoms)."""
        coefficients, scale, drift = self._parts(at)
        with blas.single_threaded():
            return self.draw.products_from(coefficients, atoms, scale, drift)

    def signal_products(self) -> Array:
        """⟨w_{j,r}, μ⟩ at the recorded steps, (records, 2, m), row 0 for j = +1; (…, S) for S signal atoms."""
        found = self._every_product(self.draw.owner < 0)
        return found[..., 0] if found.shape[-1] == 1 else found

    def noise_products(self) -> Array:
        """⟨w_{j,r}, ξ_i⟩ at the recorded steps, (records, 2, m, n); of patch data for the atoms of one sample only."""
        return self._every_product(self.draw.owner >= 0)

    def named_arrays(self) -> dict[str, Labelled]:
        """γ, ρ, the products and the second layer at the recorded steps.

        Where there is not one signal, γ has a dimension ``signal`` too. ρ has ``sample``; of patch data in which not
        every sample has one patch of its own, ``noise_atom``, with the coordinate ``noise_sample``.
        """
        shared, filters = self.draw.owner < 0, dimensions.FILTERS
        found = {}
        if shared.any():
            signal = filters if shared.sum() == 1 else (*filters, "signal")
            found["gamma"] = Labelled(signal, self.gamma, dimensions.GAMMA)
            found["signal_products"] = Labelled(signal, self.signal_products(), dimensions.SIGNAL_PRODUCTS)
        if not shared.all():
            noise = (*filters, self._noise_dimension)
            found["rho"] = Labelled(noise, self.rho, dimensions.RHO)
            found["noise_products"] = Labelled(noise, self.noise_products(), dimensions.NOISE_PRODUCTS)
        second = self.readouts.reshape(len(self.readouts), 2, -1)
        return found | {"readout": Labelled(filters, second, "second layer")}

    def coordinates(self) -> dict[str, Labelled]:
        """Labels of the samples; what several signals speak for, and whose a noise atom is."""
        owner = self.draw.owner
        found = dimensions.of_samples(self.draw)
        if (owner < 0).sum() > 1:
            speaks = self.draw.orientation[owner < 0]
            found["orientation"] = Labelled(("signal",), speaks, "the class that a signal is counted toward")
        if (owner >= 0).any() and self._noise_dimension != "sample":
            found["noise_sample"] = Labelled(("noise_atom",), owner[owner >= 0], "the sample that a noise atom is of")
        return found

    @property
    def _noise_dimension(self) -> str:
        owner = self.draw.owner[self.draw.owner >= 0]
        return "sample" if np.array_equal(owner, np.arange(self.draw.n)) else "noise_atom"

    def _every_product(self, atoms: NDArray[np.bool_]) -> Array:
        every = np.array([self.products(int(step))[:, atoms] for step in self.steps_recorded])
        return every.reshape(len(every), 2, self.draw.m, -1)


def reconstruct(run: TrainedRun, at: At = "end") -> Array:
    """Explicit weights w_{j,r} of a recorded step from the coefficients, (2, m, d).

    w(t) = w(0) + Σ_a b_a v_a, that is w(0) + j γ μ/‖μ‖² + Σ_i ρ_i ξ_i/‖ξ_i‖².

    Raises
    ------
    ValueError
        When the draw has no d-dimensional vectors.
    """
    validate.instance("run", run, (TrainedRun,))
    if run.draw.form != "vectors":
        remedy = (
            "make the PatchData from vectors"
            if run.draw.form == "gram"
            else 'simulate with draw="vectors" or a draw made by Draw.from_arrays'
        )
        raise ValueError(f'draw.form={run.draw.form!r}: must be "vectors" to have weights in d dimensions; {remedy}')
    return run.weights_at(at).reshape(2, run.draw.m, -1)
