"""Label noise over a run: the multipliers of any step, drawn in blocks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theorysim.core import validate
from theorysim.patch.algorithm import LabelNoise
from theorysim.core.seeds import Stream, generator

BLOCK = 256  # steps drawn at a time; part of the seed discipline: another value is another random sequence

Array = NDArray[np.float64]


@dataclass
class NoiseSource:
    """Label multipliers of any range of steps; row t depends on t alone."""

    law: LabelNoise | None
    n: int
    seed: int
    given: Array | None
    first_given: int  # the step that row 0 of `given` belongs to
    block: tuple[int, Array] = (-1, np.empty((0, 0)))

    def end_of_block(self, step: int) -> int:
        """The first step after `step` at which a new block begins."""
        return (step // BLOCK + 1) * BLOCK

    def rows(self, start: int, stop: int) -> Array:
        """Multipliers (stop − start, n); the range must not cross the end of a block."""
        if self.given is not None:
            return self.given[start - self.first_given : stop - self.first_given]
        number, first = start // BLOCK, start - start % BLOCK
        if self.block[0] != number:
            self.block = (number, self._draw(number))
        return self.block[1][start - first : stop - first]

    def _draw(self, number: int) -> Array:
        if self.law is None:
            return np.ones((BLOCK, self.n))
        return self.law.sample(generator(self.seed, Stream.LABEL_NOISE, number), (BLOCK, self.n))


def noise_source(
    law: LabelNoise | None, n: int, start: int, steps: int, given: ArrayLike | None, seed: int
) -> NoiseSource:
    """The multipliers of steps start..start+steps−1, those given, or else drawn from the law."""
    if given is None:
        return NoiseSource(law, n, seed, None, start)
    # A writable copy: kernels are compiled for one kind of array.
    return NoiseSource(law, n, seed, validate.array("label_noise", given, steps, n).copy(), start)


def drawn_multipliers(law: LabelNoise | None, n: int, steps: int, seed: int) -> NDArray[np.float64]:
    """The multipliers that a run of this seed drew, (steps, n)."""
    source = NoiseSource(law, n, seed, None, 0)
    blocks = [source.rows(first, min(first + BLOCK, steps)) for first in range(0, steps, BLOCK)]
    return np.concatenate([np.empty((0, n)), *blocks])
