"""From filters to groups that move as one, and back."""

import numpy as np
from numpy.typing import NDArray

from theorysim.mean_field.draw import MeanFieldDraw
from theorysim.mean_field.kernels.layout import Data, Memory, Signal, State
from theorysim.mean_field.problem import MeanField

Array = NDArray[np.float64]


def grouped(problem: MeanField, lr: float, draw: MeanFieldDraw) -> tuple[Data, State]:
    """What stays fixed and the state at step 0; for q = 2 active filters of a sample and branch move as one."""
    speed = lr * problem.q / (problem.n * problem.m)
    make_memory, make_signal = (_memory, _signal) if problem.q == 2 else (_single_memory, _single_signal)
    memory, signal = make_memory(draw, speed * draw.noise_norm_sq), make_signal(draw, speed * draw.signal_norm_sq)
    data = Data(
        memory=memory, signal=signal, side=(draw.labels < 0).astype(np.int64),
        own=(draw.observed_labels < 0).astype(np.int64), turn=draw.labels * draw.observed_labels,
        noisy=draw.noisy, q=float(problem.q),
    )
    return data, State(memory.start.copy(), signal.start.copy())


def record_numbers(problem: MeanField) -> int:
    """How many numbers a state has, at most."""
    return (1 if problem.q == 2 else problem.m) * 2 * problem.n + (4 if problem.q == 2 else 2 * problem.m)


def _own_first(draw: MeanFieldDraw, noise: Array) -> Array:
    """(n, 2, m) from (2, m, n): the sample's own branch, then the other; twice is back, but for the order of axes."""
    by_sample = np.moveaxis(noise, 2, 0)
    mine = draw.observed_labels > 0
    return np.ascontiguousarray(np.where(mine[:, None, None], by_sample, by_sample[:, ::-1]))


def _memory(draw: MeanFieldDraw, rate: Array) -> Memory:
    start = _own_first(draw, draw.noise)
    largest, active = start.max(axis=2), np.maximum(start, 0.0)
    scale = np.where(largest > 0, largest, 1.0)  # of shares: 0 where no filter is active
    smallest = np.where(start >= 0, start, np.inf).min(axis=2)
    return Memory(
        start=largest[..., None].copy(),
        weight=((active / scale[..., None]) ** 2).sum(axis=2) / draw.m * np.array([1.0, -1.0]),
        share=np.where(largest > 0, smallest / scale, 1.0), idle=np.any(start <= 0, axis=2), rate=rate,
    )


def _single_memory(draw: MeanFieldDraw, rate: Array) -> Memory:
    start, shape = _own_first(draw, draw.noise), (draw.n, 2)
    weight = np.repeat([[1.0, -1.0]], draw.n, axis=0) / draw.m
    return Memory(start, weight, np.ones(shape), np.zeros(shape, dtype=bool), rate)


def _sides(draw: MeanFieldDraw) -> list[tuple[int, NDArray[np.bool_]]]:
    """Branch and filters (m,) of every group on the signal."""
    found = [(j, side) for j, branch in enumerate(draw.signal) for side in (branch > 0, branch < 0, branch == 0)]
    return [(j, side) for j, side in found if side.any()]


def _signal(draw: MeanFieldDraw, rate: float) -> Signal:
    rows = []
    for j, side in _sides(draw):
        members = draw.signal[j, side]
        leader = members[np.abs(members).argmax()]
        shares = members / leader if leader else np.ones_like(members)
        rows.append((leader, (shares**2).sum() / draw.m, shares.min(), 1.0 - 2.0 * j))
    start, weight, share, branch = np.array(rows).T.copy()
    return Signal(start, weight, share, branch, rate)


def _single_signal(draw: MeanFieldDraw, rate: float) -> Signal:
    start = draw.signal.ravel().copy()
    return Signal(start, np.full(start.size, 1.0 / draw.m), np.ones(start.size), np.repeat([1.0, -1.0], draw.m), rate)


def signal_products(problem: MeanField, draw: MeanFieldDraw, signal: Array) -> Array:
    """⟨w_{j,r}, μ⟩ of all filters, (2, m), from their groups."""
    if problem.q != 2:
        return signal.reshape(2, draw.m).copy()
    found = draw.signal.copy()
    for now, (j, side) in zip(signal, _sides(draw), strict=True):
        members = found[j, side]
        leader = members[np.abs(members).argmax()]
        found[j, side] = members * (now / leader) if leader else members
    return found


def noise_products(problem: MeanField, draw: MeanFieldDraw, memory: Array) -> Array:
    """⟨w_{j,r}, ξ_i⟩ of all filters, (2, m, n), from their groups (n, 2, R)."""
    if problem.q == 2:
        start = _own_first(draw, draw.noise)
        largest = start.max(axis=2)
        factor = np.where(largest > 0, memory[..., 0] / np.where(largest > 0, largest, 1.0), 1.0)
        memory = np.where(start > 0, start * factor[..., None], start)
    mine = draw.observed_labels > 0
    by_sample = np.where(mine[:, None, None], memory, memory[:, ::-1])
    return np.ascontiguousarray(np.moveaxis(by_sample, 0, 2))
