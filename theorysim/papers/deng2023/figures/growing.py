"""Training on a growing part of the data: first a subset with equal groups, then more and more of the rest."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from theorysim.core.seeds import Stream, generator
from theorysim.patch.algorithm import GradientDescent
from theorysim.patch.draw import Draw
from theorysim.patch.patch_model import PatchModel
from theorysim.patch.run import PatchRun
from theorysim.papers.deng2023.setting import OBSERVE
from theorysim.systems import simulate

Samples = NDArray[np.int64]
WARM = GradientDescent(0.03, momentum=0.9)  # the momentum is the paper's, the learning rate a choice
WARM_STEPS = 801
PARTS = 4  # of what is left after the warm start, and the steps on each more of them: choices
PART_STEPS = 50


def subset(draw: Draw, chosen: Samples) -> Draw:
    """The draw of some of its samples, each with one patch of noise, from the same initial weights."""
    features = np.flatnonzero(draw.owner < 0)
    kept = np.concatenate([features, len(features) + chosen])
    own = draw.atom[chosen] >= len(features)
    atom = np.where(own, len(features) + np.arange(len(chosen))[:, None], draw.atom[chosen])
    return replace(
        draw, labels=draw.labels[chosen], observed_labels=draw.observed_labels[chosen], atom=atom,
        sign=draw.sign[chosen], owner=np.concatenate([draw.owner[features], np.arange(len(chosen))]),
        vectors=draw.vectors[kept], gram=None, classes=None if draw.classes is None else draw.classes[kept])


def balanced_first(draw: Draw, seed: int) -> tuple[Samples, Samples]:
    """Samples in a random order: as many of each of the four groups (y, a) as the smallest has, and the rest."""
    spurious = draw.sign[:, 1] * np.sign(draw.vectors[draw.atom[:, 1], 1])
    # States are drawn from the stream of features; block 1 is used for nothing else in a problem of one chance.
    order = generator(seed, Stream.FEATURES, 1).permutation(len(spurious))
    groups = [order[(draw.labels[order] == y) & (spurious[order] == a)] for y in (1, -1) for a in (1, -1)]
    size = min(map(len, groups))
    first = np.concatenate([group[:size] for group in groups])
    return first, order[~np.isin(order, first)]


def expanded(problem: PatchModel, seed: int, steps: int = WARM_STEPS, part_steps: int = PART_STEPS) -> list[PatchRun]:
    """The runs one after the other, each from the weights of the last, without its velocity."""
    draw = Draw.from_problem(problem, seed)
    chosen, rest = balanced_first(draw, seed)
    runs, weights = [], draw.weights
    for more, length in zip([chosen[:0], *np.array_split(rest, PARTS)], [steps, *[part_steps] * PARTS], strict=True):
        chosen = np.concatenate([chosen, more])
        here = subset(draw, chosen).with_weights(weights.reshape(2, problem.m, -1))
        last = simulate(problem.replace(n=len(chosen)), WARM, length, seed, draw=here, engine="auto", record_at=(),
                        observe=OBSERVE, on_failure="return")
        runs.append(last)
        weights = last.weights_at()
    return runs
