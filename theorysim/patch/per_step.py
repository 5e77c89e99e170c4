"""What a training rule takes afresh at every step: learning rates, labels' noise, batches, masks, noise on weights.

Every row depends on the seed and its step alone (a batch on the epoch's permutation), so no chunk changes a number.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from theorysim.core.seeds import Stream, generator
from theorysim.patch import schedules
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.draw import Draw
from theorysim.patch.kernels.layout import PerStep
from theorysim.patch.label_noise import BLOCK, NoiseSource

SHAKEN = 16  # steps whose noise on the weights is held at a time

Array = NDArray[np.float64]
NONE = np.empty((0, 0))


class StepSource:
    """The rows of any range of steps of one run."""

    def __init__(
        self, algorithm: GradientDescent, noise: NoiseSource, seed: int, draw: Draw, dimensions: int, mean: bool,
        began: int = 0,
    ) -> None:
        self.algorithm, self.noise, self.seed = algorithm, noise, seed
        self.filters, self.coordinates = draw.weights.shape
        self.dimensions = dimensions  # of the weights beyond these coordinates
        self.mean = mean  # whether the loss is a mean over the batch, or a sum
        self.began = began  # the step from which schedules count

    @property
    def given(self) -> bool:
        """Whether the label multipliers were given instead of drawn."""
        return self.noise.given is not None

    def end_of_block(self, step: int) -> int:
        """The first step after ``step`` at which a new block begins."""
        end = self.noise.end_of_block(step)
        return min(end, (step // SHAKEN + 1) * SHAKEN) if self.algorithm.weight_noise else end

    def rows(self, start: int, stop: int) -> PerStep:
        """Of steps start..stop−1, which must not cross the end of a block."""
        rule, steps = self.algorithm, np.arange(start, stop) - self.began
        share = NONE if rule.batch_size is None else self._batches(start, stop, rule.batch_size)
        mask = self._masks(start // BLOCK)[start % BLOCK :][: stop - start] if rule.dropout else NONE
        return PerStep(schedules.values_at(rule.lr, steps), self.noise.rows(start, stop), share, mask,
                       self._shakes(start, stop))

    def _batches(self, start: int, stop: int, size: int) -> Array:
        """(T, n) how much each sample counts at each step."""
        n = self.noise.n
        share = np.zeros((stop - start, n))
        if self.algorithm.replacement:
            drawn = _picked(self.seed, start // BLOCK, n, size)[start % BLOCK :][: stop - start]
            np.add.at(share, (np.arange(stop - start)[:, None], drawn), n / size if self.mean else 1.0)
            return share
        batches = -(-n // size)  # of an epoch, which has another number than any of an earlier algorithm
        chosen = [_permuted(self.seed, self.began + step // batches, n)[step % batches * size :][:size]
                  for step in range(start - self.began, stop - self.began)]
        sizes = np.array([len(batch) for batch in chosen], dtype=np.int64)
        if len(chosen):
            rows = np.repeat(np.arange(stop - start), sizes)
            share[rows, np.concatenate(chosen)] = np.repeat(n / sizes if self.mean else np.ones(len(sizes)), sizes)
        return share

    def _masks(self, block: int) -> Array:
        """(BLOCK, 2m) 0 or 1/(1 − r)."""
        kept = generator(self.seed, Stream.DROPOUT, block).random((BLOCK, self.filters)) >= self.algorithm.dropout
        return kept / (1.0 - self.algorithm.dropout)

    def _shakes(self, start: int, stop: int) -> Array:
        """(T, 2m, D) noise on the weights in the coordinates of the draw."""
        if not self.algorithm.weight_noise:
            return np.empty((0, 0, 0))
        shape = (self.filters, self.coordinates)
        return self.algorithm.weight_noise * np.array([
            generator(self.seed, Stream.WEIGHT_NOISE, step).standard_normal(shape) for step in range(start, stop)
        ]).reshape(-1, *shape)


@lru_cache(maxsize=4)
def _permuted(seed: int, epoch: int, n: int) -> NDArray[np.int64]:
    return generator(seed, Stream.BATCHES, epoch).permutation(n)


@lru_cache(maxsize=4)
def _picked(seed: int, block: int, n: int, size: int) -> NDArray[np.int64]:
    return generator(seed, Stream.BATCHES, block).integers(n, size=(BLOCK, size))
