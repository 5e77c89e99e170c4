"""All that changes from step to step of one training of the patch network, in one value."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.draw import Draw
from theorysim.patch.kernels.layout import NOTHING, State, Weights, first_state
from theorysim.patch.off_span import first_off_span

Array = NDArray[np.float64]
SIZE = len(State._fields)


class Held(NamedTuple):
    """The state of the kernels, the explicit weights, and what noise on the weights did outside the draw's coordinates.

    Of engine "paired" ``now`` is in the span, and ``explicit`` beside the weights; of "weights" there is one state.
    With clients ``now`` is their average.
    """

    now: State
    weights: Array | None  # (2m, D)
    explicit: State | None
    off: Array  # (2m, r), see off_span.py
    clients: tuple[State, ...] = ()

    @classmethod
    def first(
        cls, draw: Draw, algorithm: GradientDescent, engine: str, readout: Array, real: Any, dimensions: int,
    ) -> Self:
        """At step 0; ``dimensions`` are those of weights that the draw has no coordinates for."""
        weights = None if engine == "coefficients" else np.array(draw.weights, real)
        states = [
            first_state(draw.inner.astype(real), readout, algorithm.rule(), image, _drift(algorithm, draw))
            for image in _images(draw, engine)
        ]
        off = first_off_span(2 * draw.m if algorithm.weight_noise else 0, dimensions)
        clients = tuple(_copied(states[0]) for _ in range(algorithm.clients)) if algorithm.clients > 1 else ()
        return cls(states[0], weights, states[1] if len(states) > 1 else None, off, clients)

    @classmethod
    def of(cls, arrays: Sequence[Any], weights: Array | None) -> Self:
        """From :meth:`arrays`."""
        copies: list[Any] = [array.copy() for array in arrays]
        *parts, off = copies
        now, *more = (State(*parts[first : first + SIZE]) for first in range(0, len(parts), SIZE))
        if weights is None:
            return cls(now, None, None, off, tuple(more))
        return cls(now, weights.copy(), more[0] if more else None, off)

    def arrays(self) -> tuple[Weights, ...]:
        """All arrays but the weights, z and b first."""
        states = (self.now, *self.clients) if self.explicit is None else (self.now, self.explicit)
        return (*(array for state in states for array in state), self.off)

    def copy(self) -> Self:
        """Another one of the same numbers."""
        return self.of(self.arrays(), self.weights)

    def under(self, algorithm: GradientDescent, draw: Draw, engine: str, dimensions: int) -> Self:
        """The same weights under another rule, which begins without a velocity."""
        fresh = type(self).first(draw, algorithm, engine, self.now.readout, self.now.inner.dtype, dimensions)
        states = [
            None if old is None or new is None else new._replace(
                inner=old.inner.copy(), coef=old.coef.copy(), scale=np.array([old.scale[0], 0.0, 0.0]),
                drift=old.drift.copy() if old.drift.size else new.drift)
            for old, new in ((self.now, fresh.now), (self.explicit, fresh.explicit))
        ]
        off = self.off.copy() if self.now.drift.size else fresh.off  # without any columns, maybe
        now = states[0] or fresh.now
        clients = tuple(_copied(state)._replace(inner=now.inner.copy(), coef=now.coef.copy(), scale=now.scale.copy())
                        for state in fresh.clients)
        return type(self)(now, None if self.weights is None else self.weights.copy(), states[1], off, clients)

    @property
    def scale(self) -> float:
        """α, how much of the initial weights is left."""
        return float(self.now.scale[0])

    @property
    def drift(self) -> Array | None:
        """(2m, D + r) what noise on the weights has added; None where there was none."""
        return np.concatenate([self.now.drift, self.off], axis=1) if self.now.drift.size else None


def _copied(state: State) -> State:
    copies: list[Any] = [array.copy() for array in state]
    return State(*copies)


def _images(draw: Draw, engine: str) -> list[tuple[int, ...]]:
    """Shapes of what velocities move: of z in the span, of explicit weights."""
    span, explicit = draw.inner.shape, draw.weights.shape
    return {"coefficients": [span], "weights": [explicit]}.get(engine, [span, explicit])


def _drift(algorithm: GradientDescent, draw: Draw) -> tuple[int, ...]:
    return draw.weights.shape if algorithm.weight_noise else NOTHING
