"""Label noise over a run: the multipliers of any step, drawn in blocks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theorysim.core import validate
from theorysim.core.seeds import Stream, generator
from theorysim.patch.algorithm import Flip, LabelNoise
from theorysim.patch.schedules import Until

BLOCK = 256  # steps drawn at a time; part of the seed discipline: another value is another random sequence

Array = NDArray[np.float64]


@dataclass
class NoiseSource:
    """Label multipliers of any range of steps; row t depends on t alone."""

    law: LabelNoise | Until | None
    n: int
    seed: int
    given: Array | None
    first: int  # the step that row 0 of `given`, or step 0 of a schedule, belongs to
    block: tuple[int, Array] = (-1, np.empty((0, 0)))

    def end_of_block(self, step: int) -> int:
        """The first step after `step` at which a new block begins."""
        return (step // BLOCK + 1) * BLOCK

    def rows(self, start: int, stop: int) -> Array:
        """Multipliers (stop − start, n); the range must not cross the end of a block."""
        if self.given is not None:
            return self.given[start - self.first : stop - self.first]
        number, first = start // BLOCK, start - start % BLOCK
        if self.block[0] != number:
            self.block = (number, self._draw(number))
        return self.block[1][start - first : stop - first]

    def _draw(self, number: int) -> Array:
        def sample(law: LabelNoise | Until | None, first: int) -> Array:
            """Rows of a law whose own steps begin at −first; laws one after the other share their random numbers."""
            if law is None:
                return np.ones((BLOCK, self.n))
            if isinstance(law, Until):
                if first >= law.step:
                    return sample(law.then, first - law.step)
                if first + BLOCK <= law.step:
                    return sample(law.first, first)
                change = law.step - first
                return np.concatenate([sample(law.first, first)[:change], sample(law.then, -change)[change:]])
            rng = generator(self.seed, Stream.LABEL_NOISE, number)
            return law.sample(rng, (BLOCK, self.n), *((first,) if isinstance(law, Flip) else ()))

        return sample(self.law, number * BLOCK - self.first)


def noise_source(
    law: LabelNoise | Until | None, n: int, start: int, steps: int, given: ArrayLike | None, seed: int, phase: int = 0,
) -> NoiseSource:
    """The multipliers of steps start..start+steps−1, those given, or else drawn from the law.

    ``phase`` is the step at which the algorithm took over, from which its schedules count.
    """
    if given is None:
        return NoiseSource(law, n, seed, None, phase)
    # A writable copy: kernels are compiled for one kind of array.
    return NoiseSource(law, n, seed, validate.array("label_noise", given, steps, n).copy(), start)


def drawn_multipliers(law: LabelNoise | Until | None, n: int, first: int, end: int, seed: int) -> NDArray[np.float64]:
    """The multipliers (end − first, n) that steps first..end−1 of a run of this seed drew of a law that began there."""
    source = NoiseSource(law, n, seed, None, first)
    edges = [first, *range((first // BLOCK + 1) * BLOCK, end, BLOCK), end]
    blocks = [source.rows(start, stop) for start, stop in zip(edges, edges[1:], strict=False) if start < stop]
    return np.concatenate([np.empty((0, n)), *blocks])
