"""The patch network in the span of its data: outputs, observables, one step.

A two-layer network with filters w_k (k = 1..2m; the first m vote +1/m, the rest
-1/m) meets the data only through *atoms* v_0..v_{K-1}, the distinct patches up
to sign. With the inner products z_{k,a} = <w_k, v_a> and weights kept as
w_k(t) = w_k(0) + sum_a b_{k,a} v_a, a step of gradient descent reads

    b <- b + s,   z <- z + s G,   G_{ab} = <v_a, v_b>,

    s_{k,a} = (lr/n) readout_k * ( sum_{(i,p): x_ip = +v_a} c_i sigma'( z_{k,a})
                                 - sum_{(i,p): x_ip = -v_a} c_i sigma'(-z_{k,a}) )

    c_i = -loss'(e_i y_i f_i) e_i y_i,   f_i = sum_p sum_k readout_k sigma(+-z_{k,a(i,p)})

for sigma(z) = max(0, z)^q, the logistic loss, observed labels y_i and the step's
label multipliers e_i. The papers' coefficients are rho = b |v|^2 on noise atoms and
gamma = j o b |v|^2 on signal atoms, j = +-1 the branch and o the atom's orientation.
The dimension of v appears nowhere, no random number is drawn, and nothing is decided
but to stop at an overflow.

The columns of a row of observables are those of `theorysim.observables.OBSERVABLES`.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from theorysim.kernels.jit import jit

Array = NDArray[np.float64]
Weights = NDArray[np.floating[Any]]  # float64, or float32: the arrays a step spends its time on


class Data(NamedTuple):
    """What stays fixed during a run (n samples of P patches, K atoms, 2m filters)."""

    gram: Weights  # (K, K) inner products of atoms
    norm_sq: Array  # (K,) its diagonal
    atom: NDArray[np.int64]  # (n, P) which atom a patch is
    sign: Array  # (n, P) with which sign, +1.0 or -1.0
    two_sided: NDArray[np.bool_]  # (K,) whether any patch is minus this atom
    owner: NDArray[np.int64]  # (K,) the one sample whose noise it is, -1 for a signal atom
    orientation: Array  # (K,) the class a signal atom speaks for, +1.0 or -1.0
    observed: Array  # (n,) observed labels, +1.0 or -1.0
    noisy: NDArray[np.bool_]  # (n,) whether the observed label differs from the true one
    weight: Array  # (n,) weight of a sample's loss in the step, of mean 1
    awake: NDArray[np.bool_]  # (2m, K) whether a filter of the owner's branch starts active on an atom
    watched: bool  # whether coefficients are observed at every step, or only where a call asks
    readout: Array  # (2m,) second layer: +1/m for the first m filters, then -1/m
    q: float  # power of the activation


class Scratch(NamedTuple):
    """Working arrays of one run, overwritten at every step."""

    slope: Weights  # (2m, K) sigma'(|z|)
    step: Weights  # (2m, K) s
    change: Weights  # (2m, K) s G
    plus: Array  # (K,) network on the patch +v_a
    minus: Array  # (K,) network on the patch -v_a (two-sided atoms only)
    pull_plus: Array  # (K,) sum of c_i over patches +v_a
    pull_minus: Array  # (K,) sum of c_i over patches -v_a
    margin: Array  # (n,) y_i f_i
    decay: Array  # (n,) exp(-|y_i f_i|)
    high: Array  # (2, K) largest b over the filters of either branch
    low: Array  # (2, K) smallest
    active_low: Array  # (K,) smallest b over the filters of the own branch that were active at the start
    memory: Array  # (n,) max over the sample's noise atoms and filters of rho-bar


@jit
def make_scratch(data: Data) -> Scratch:
    """Allocate the working arrays of one run; done once, they are too large to be had for nothing."""
    filters, atoms, samples = data.readout.size, data.norm_sq.size, data.observed.size
    big = np.empty((3, filters, atoms), data.gram.dtype)
    per_atom = np.zeros((4, atoms))
    per_sample = np.empty((3, samples))
    return Scratch(
        big[0], big[1], big[2],
        per_atom[0], per_atom[1], per_atom[2], per_atom[3],
        per_sample[0], per_sample[1],
        np.empty((2, atoms)), np.empty((2, atoms)), np.empty(atoms), per_sample[2],
    )


@jit
def vote(inner: Weights, change: Weights, q: float, readout: Array, slope: Weights, output: Array) -> None:
    """z += change, slope = q |z|^(q-1) (0 where z = 0), output = sum_k readout_k max(0, z_k)^q.

    The slope serves both signs of a patch: it is sigma'(z) where z > 0 and sigma'(-z) where z < 0. NaN
    stays NaN, and an infinity of either sign is seen in the output. Each q has its own loop, in which nothing is
    read under a condition, so that it is vectorised.
    """
    output[:] = 0.0
    for k in range(inner.shape[0]):
        if q == 1.0:
            for a in range(inner.shape[1]):
                z = inner[k, a] + change[k, a]
                power = readout[k] * z
                output[a] += 0.0 * z if z <= 0.0 else power
                inner[k, a], slope[k, a] = z, 0.0 if z == 0.0 else 1.0
        elif q == 2.0:
            for a in range(inner.shape[1]):
                z = inner[k, a] + change[k, a]
                power = readout[k] * (z * z)
                output[a] += 0.0 * z if z <= 0.0 else power
                inner[k, a], slope[k, a] = z, abs(z) + abs(z)
        elif q == 3.0:
            for a in range(inner.shape[1]):
                z = inner[k, a] + change[k, a]
                power = readout[k] * (z * z * z)
                output[a] += 0.0 * z if z <= 0.0 else power
                inner[k, a], slope[k, a] = z, 3.0 * (z * z)
        else:
            for a in range(inner.shape[1]):
                z = inner[k, a] + change[k, a]
                output[a] += 0.0 * z if z <= 0.0 else readout[k] * z**q
                inner[k, a], slope[k, a] = z, q * abs(z) ** (q - 1.0)


@jit
def forward(data: Data, inner: Weights, scratch: Scratch) -> None:
    """Make the pending change of the inner products z, and from z the margins y_i f_i of all samples."""
    vote(inner, scratch.change, data.q, data.readout, scratch.slope, scratch.plus)
    for a in range(data.norm_sq.size):
        if data.two_sided[a]:
            scratch.minus[a] = 0.0
            for k in range(data.readout.size):
                if inner[k, a] < 0.0:
                    power = scratch.slope[k, a] * -inner[k, a] / data.q
                    scratch.minus[a] += data.readout[k] * power
    for i in range(data.observed.size):
        output = 0.0
        for p in range(data.atom.shape[1]):
            a = data.atom[i, p]
            output += scratch.plus[a] if data.sign[i, p] > 0.0 else scratch.minus[a]
        scratch.margin[i] = data.observed[i] * output
        scratch.decay[i] = np.exp(-abs(scratch.margin[i]))


@jit
def loss_derivative(margin: float) -> float:
    """-loss'(z) = 1 / (1 + e^z), without overflow."""
    decay = np.exp(-abs(margin))
    return (decay if margin > 0.0 else 1.0) / (1.0 + decay)


@jit
def observe_outputs(data: Data, scratch: Scratch, row: Array) -> None:
    """Losses, accuracies and margins: columns 0-7, 15 and 16 of a row."""
    samples = data.observed.size
    loss, right, right_noisy, noisy = 0.0, 0, 0, 0
    low, high = np.inf, -np.inf
    low_clean, high_noisy = np.inf, -np.inf
    for i in range(samples):
        margin = scratch.margin[i]
        loss += np.log1p(scratch.decay[i]) + (0.0 if margin > 0.0 else -margin)
        low = margin if margin < low else low
        high = margin if margin > high else high
        noisy += data.noisy[i]
        right += margin > 0.0
        right_noisy += data.noisy[i] and margin > 0.0
        if data.noisy[i]:
            high_noisy = margin if margin > high_noisy else high_noisy
        else:
            low_clean = margin if margin < low_clean else low_clean
    row[0] = loss / samples
    row[1] = right / samples
    row[2] = (right - right_noisy) / (samples - noisy) if noisy < samples else np.nan
    row[3] = right_noisy / noisy if noisy > 0 else np.nan
    row[4], row[5] = loss_derivative(high), loss_derivative(low)
    row[6], row[7] = low, high
    row[15] = low_clean if noisy < samples else np.nan
    row[16] = high_noisy if noisy > 0 else np.nan


@jit
def branch_extremes(coef: Weights, awake: NDArray[np.bool_], high: Array, low: Array, active_low: Array) -> None:
    """Of every atom the largest and smallest coefficient over each branch, and the smallest of active filters."""
    width = coef.shape[0] // 2
    high[:], low[:], active_low[:] = -np.inf, np.inf, np.inf
    for k in range(coef.shape[0]):
        for a in range(coef.shape[1]):
            b, most, least = coef[k, a], high[k // width, a], low[k // width, a]
            high[k // width, a] = b if b > most else most
            low[k // width, a] = b if b < least else least
            active_low[a] = min(active_low[a], b if awake[k, a] else np.inf)


@jit
def observe_coefficients(data: Data, scratch: Scratch, row: Array) -> None:
    """Signal learning and noise memorization from the extremes over filters: columns 8-14 and 17 of a row."""
    high, low, memory = scratch.high, scratch.low, scratch.memory
    memory[:] = -np.inf
    gamma_max, gamma_min, under, active = -np.inf, np.inf, np.inf, np.inf
    for a in range(data.norm_sq.size):
        norm_sq, owner = data.norm_sq[a], data.owner[a]
        if owner < 0:
            toward = 0 if data.orientation[a] > 0.0 else 1  # the branch whose growth is learning
            gamma_max = max(gamma_max, norm_sq * max(high[toward, a], -low[1 - toward, a]))
            gamma_min = min(gamma_min, norm_sq * min(low[toward, a], -high[1 - toward, a]))
        else:
            own = 0 if data.observed[owner] > 0.0 else 1
            memory[owner] = max(memory[owner], norm_sq * high[own, a])
            under = min(under, norm_sq * low[1 - own, a])
            active = min(active, norm_sq * scratch.active_low[a] if norm_sq > 0.0 else 0.0)
    clean, noisy, weakest = -np.inf, -np.inf, np.inf
    for i in range(memory.size):
        if memory[i] > -np.inf:
            weakest = min(weakest, memory[i])
            if data.noisy[i]:
                noisy = max(noisy, memory[i])
            else:
                clean = max(clean, memory[i])
    row[8], row[9] = gamma_max, gamma_min
    row[10], row[11], row[12] = max(clean, noisy), clean, noisy
    row[13], row[14], row[17] = weakest, under, active
    for column in range(8, 18):  # an extremum over nothing is NaN
        if np.isinf(row[column]):
            row[column] = np.nan


@jit
def pull(data: Data, label_noise: Array, scratch: Scratch) -> None:
    """How strongly the loss pulls at every atom, sum of c_i, into scratch.pull_plus and pull_minus."""
    scratch.pull_plus[:] = 0.0
    scratch.pull_minus[:] = 0.0
    for i in range(data.observed.size):
        noise, margin, decay = label_noise[i], scratch.margin[i], scratch.decay[i]
        if abs(noise) == 1.0:  # the exponential is at hand
            force = (decay if noise * margin > 0.0 else 1.0) / (1.0 + decay)
        else:
            force = loss_derivative(noise * margin)
        force *= noise * data.observed[i] * data.weight[i]
        for p in range(data.atom.shape[1]):
            if data.sign[i, p] > 0.0:
                scratch.pull_plus[data.atom[i, p]] += force
            else:
                scratch.pull_minus[data.atom[i, p]] += force


@jit
def descend(data: Data, inner: Weights, coef: Weights, label_noise: Array, lr: float, scratch: Scratch) -> None:
    """The step s of gradient descent, into scratch.step and added to the coefficients; their extremes follow."""
    pull(data, label_noise, scratch)
    rate = lr / data.observed.size * data.readout
    if data.watched:
        take_step(data, inner, rate, coef, scratch.slope, scratch.step, scratch)
    else:
        take_plain_step(inner, rate, coef, scratch.slope, scratch.step, scratch.pull_plus, scratch.pull_minus)


@jit
def take_plain_step(
    inner: Weights, rate: Array, coef: Weights, slope: Weights, step: Weights, plus: Array, minus: Array
) -> None:
    """s from slopes and pulls, added to the coefficients b."""
    for k in range(inner.shape[0]):
        for a in range(inner.shape[1]):
            forward, backward = plus[a], -minus[a]
            s = rate[k] * slope[k, a] * (forward if inner[k, a] > 0.0 else backward)
            step[k, a] = s
            coef[k, a] += s


@jit
def take_step(
    data: Data, inner: Weights, rate: Array, coef: Weights, slope: Weights, step: Weights, scratch: Scratch
) -> None:
    """The same, and the extremes of the coefficients over each branch."""
    plus, minus, awake = scratch.pull_plus, scratch.pull_minus, data.awake
    high, low, active_low, width = scratch.high, scratch.low, scratch.active_low, inner.shape[0] // 2
    high[:], low[:], active_low[:] = -np.inf, np.inf, np.inf
    for k in range(inner.shape[0]):
        j = k // width
        for a in range(inner.shape[1]):
            forward, backward, most, least = plus[a], -minus[a], high[j, a], low[j, a]
            s = rate[k] * slope[k, a] * (forward if inner[k, a] > 0.0 else backward)
            step[k, a], coef[k, a] = s, coef[k, a] + s
            b = coef[k, a]  # as rounded, which is what the next chunk begins with
            high[j, a], low[j, a] = b if b > most else most, b if b < least else least
            active, mine = active_low[a], b if awake[k, a] else np.inf
            active_low[a] = mine if mine < active else active


@jit
def is_finite(scratch: Scratch, row: Array, watched: bool) -> bool:
    """Whether the state just observed is free of overflow, coefficients included where they are known."""
    total = row[0] + row[6] + row[7]
    if not watched:
        return np.isfinite(total)
    first, second, third, fourth = 0.0, 0.0, 0.0, 0.0  # sums of their own, so that none waits for another
    for a in range(scratch.plus.size):
        total += scratch.plus[a]
        first += scratch.high[0, a]
        second += scratch.high[1, a]
        third += scratch.low[0, a]
        fourth += scratch.low[1, a]
    return np.isfinite(total + first + second + third + fourth)


@jit
def begin(data: Data, coef: Weights, scratch: Scratch) -> None:
    """Nothing pending, and the extremes of the coefficients as they are."""
    scratch.change[:] = 0.0
    branch_extremes(coef, data.awake, scratch.high, scratch.low, scratch.active_low)


@jit
def look(data: Data, inner: Weights, scratch: Scratch, row: Array, watched: bool) -> bool:
    """Observables of a state, those of coefficients if their extremes are known; False when it has overflowed."""
    forward(data, inner, scratch)
    observe_outputs(data, scratch, row)
    if watched:
        observe_coefficients(data, scratch, row)
    else:
        row[8:15], row[17] = np.nan, np.nan
    return is_finite(scratch, row, watched)


@jit
def observe(data: Data, inner: Weights, coef: Weights, scratch: Scratch, row: Array) -> bool:
    """All observables of any state."""
    begin(data, coef, scratch)
    return look(data, inner, scratch, row, True)


@jit
def evolve_coefficients(
    data: Data, inner: Weights, coef: Weights, label_noise: Array, lr: float, scratch: Scratch, rows: Array
) -> int:
    """Advance z and b in place by one update per row of label_noise (steps, n).

    rows[t] receives the observables *before* update t. Returns the number of
    updates made: fewer than asked when the state overflows.
    """
    begin(data, coef, scratch)
    for t in range(label_noise.shape[0]):
        if not look(data, inner, scratch, rows[t], data.watched or t == 0):
            return t
        descend(data, inner, coef, label_noise[t], lr, scratch)
        np.dot(scratch.step, data.gram, scratch.change)  # made on the way forward, when z is read anyway
    inner += scratch.change
    return label_noise.shape[0]


@jit
def evolve_weights(
    data: Data, vectors: Array, weights: Array, inner: Weights, coef: Weights, label_noise: Array, lr: float,
    scratch: Scratch, rows: Array,
) -> int:
    """The same updates on explicit weights w (2m, D) and atoms v (K, D): the oracle.

    z is computed afresh from the weights at every step, and b is accumulated beside them only so that
    the same observables can be read off; the weights depend on neither.
    """
    begin(data, coef, scratch)
    np.dot(weights, vectors.T, inner)
    for t in range(label_noise.shape[0]):
        if not look(data, inner, scratch, rows[t], data.watched or t == 0):
            return t
        descend(data, inner, coef, label_noise[t], lr, scratch)
        weights += np.dot(scratch.step, vectors)
        np.dot(weights, vectors.T, inner)
    return label_noise.shape[0]
