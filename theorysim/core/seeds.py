"""One seed, many independent streams.

Each kind of randomness has a stream of its own, keyed by its purpose and never
by the order of use. So the labels of seed 7 are the same whether the noise is
drawn as vectors or by Wishart, and step 1000's label noise is the same whether
or not steps 0..999 were simulated in this process.
"""

from collections.abc import Iterable
from enum import IntEnum

import numpy as np

from theorysim.core import validate


class Stream(IntEnum):
    """What a stream of random numbers is for."""

    LABELS = 0
    OBSERVED_LABELS = 1
    NOISE = 2
    WEIGHTS = 3
    LABEL_NOISE = 4
    TEST = 5
    BIAS = 6
    VALIDATION = 7
    TEST_MEMORY = 8
    RARE_EVENT = 9
    LINEAR_DATA = 10
    LINEAR_WEIGHTS = 11
    LINEAR_STEPS = 12
    LINEAR_CHAIN = 13
    FEATURES = 14
    SAMPLES = 15
    REWEIGHTING_DATA = 20
    REWEIGHTING_LABELS = 21
    REWEIGHTING_BATCHES = 22
    REWEIGHTING_NETWORK = 23
    MEAN_FIELD_SIGNAL = 30
    MEAN_FIELD_MEMORY = 31
    BATCHES = 40
    DROPOUT = 41
    WEIGHT_NOISE = 42
    ATTENTION_TOKENS = 50
    ATTENTION_KEYS = 51
    ATTENTION_TEST = 52


def generator(seed: int, stream: Stream, *key: int) -> np.random.Generator:
    """The generator of one stream, or of one numbered block of it."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(int(stream), *key)))


def seeds_of(seeds: int | Iterable[int]) -> list[int]:
    """0..seeds−1, or the seeds themselves.

    Raises
    ------
    TypeError, ValueError
        For what is not a whole number from 0 on, none, or one that occurs twice.
    """
    if isinstance(seeds, bool) or not isinstance(seeds, Iterable):
        return list(range(validate.integer("seeds", seeds, 1)))
    chosen = [validate.integer("seeds", seed, 0) for seed in seeds]
    if not chosen or len(set(chosen)) < len(chosen):
        raise ValueError(f"seeds={chosen!r}: must be at least one, each only once")
    return chosen
