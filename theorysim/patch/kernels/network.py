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
"""

import numpy as np

from theorysim.core.jit import jit
from theorysim.patch.kernels.activation import POWER, activate
from theorysim.patch.kernels.layout import Array, Data, Scratch, State, PerStep, Weights
from theorysim.patch.kernels.observe import (
    branch_extremes,
    is_finite,
    leave_out_coefficients,
    observe_coefficients,
    observe_outputs,
)
from theorysim.patch.kernels.loss import LOGISTIC, loss_derivative

NO_SHARE = np.empty(0)  # of samples: all are taken alike


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
def vote_by_shape(data: Data, inner: Weights, readout: Array, scratch: Scratch) -> None:
    """The same of an activation that is no power of a ReLU: outputs and slopes at z and, where asked for, at -z."""
    scratch.plus[:] = 0.0
    scratch.minus[:] = 0.0
    for k in range(inner.shape[0]):
        for a in range(inner.shape[1]):
            z = inner[k, a] + scratch.change[k, a]
            value, scratch.slope[k, a] = activate(data.activation, data.q, data.width, z)
            inner[k, a] = z
            scratch.plus[a] += readout[k] * value
            if data.two_sided[a]:
                value, scratch.backward[k, a] = activate(data.activation, data.q, data.width, -z)
                scratch.minus[a] += readout[k] * value


@jit
def vote_backward(data: Data, inner: Weights, readout: Array, scratch: Scratch) -> None:
    """The output of a power on the patches -v_a, of two-sided atoms."""
    for a in range(data.norm_sq.size):
        if data.two_sided[a]:
            scratch.minus[a] = 0.0
            for k in range(readout.size):
                if inner[k, a] < 0.0:
                    power = scratch.slope[k, a] * -inner[k, a] / data.q
                    scratch.minus[a] += readout[k] * power


@jit
def forward(data: Data, inner: Weights, readout: Array, scratch: Scratch) -> None:
    """Make the pending change of the inner products z, and from z the margins y_i f_i of all samples."""
    if data.activation == POWER:
        vote(inner, scratch.change, data.q, readout, scratch.slope, scratch.plus)
        vote_backward(data, inner, readout, scratch)
    else:
        vote_by_shape(data, inner, readout, scratch)
    for i in range(data.observed.size):
        output = 0.0
        for p in range(data.atom.shape[1]):
            a = data.atom[i, p]
            output += scratch.plus[a] if data.sign[i, p] > 0.0 else scratch.minus[a]
        scratch.margin[i] = data.observed[i] * output
        scratch.decay[i] = np.exp(-abs(scratch.margin[i]))


@jit
def pull(data: Data, label_noise: Array, share: Array, smoothing: float, scratch: Scratch) -> None:
    """How strongly the loss pulls at every atom, sum of c_i, into scratch.pull_plus and pull_minus.

    ``share`` weights the samples of a mini-batch and is empty where all are taken alike. With label smoothing a the
    pull is 1 - a/2 of that of the label and a/2 of that of the other.
    """
    scratch.pull_plus[:] = 0.0
    scratch.pull_minus[:] = 0.0
    for i in range(data.observed.size):
        noise, margin, decay = label_noise[i], scratch.margin[i], scratch.decay[i]
        if data.loss == LOGISTIC and abs(noise) == 1.0:  # the exponential is at hand
            force = (decay if noise * margin > 0.0 else 1.0) / (1.0 + decay)
        else:
            force = loss_derivative(data.loss, noise * margin)
        if smoothing > 0.0:
            force += 0.5 * smoothing * (-loss_derivative(data.loss, -noise * margin) - force)
        force *= noise * data.observed[i] * data.weight[i]
        if share.size > 0:
            force *= share[i]
        for p in range(data.atom.shape[1]):
            if data.sign[i, p] > 0.0:
                scratch.pull_plus[data.atom[i, p]] += force
            else:
                scratch.pull_minus[data.atom[i, p]] += force


@jit
def descend(data: Data, state: State, lr: float, label_noise: Array, scratch: Scratch) -> None:
    """The step s of gradient descent, into scratch.step and added to the coefficients; their extremes follow."""
    pull(data, label_noise, NO_SHARE, 0.0, scratch)
    rate = lr / data.divisor * state.readout
    inner, coef = state.inner, state.coef
    if data.activation != POWER:
        take_step_by_shape(rate, scratch)
        coef[:] += scratch.step
        if data.watched:
            branch_extremes(coef, data.awake, scratch.high, scratch.low, scratch.active_low)
    elif data.watched:
        take_step(data, inner, rate, coef, scratch.slope, scratch.step, scratch)
    else:
        take_plain_step(inner, rate, coef, scratch.slope, scratch.step, scratch.pull_plus, scratch.pull_minus)


@jit
def take_step_by_shape(rate: Array, scratch: Scratch) -> None:
    """s from slopes and pulls of an activation that is no power of a ReLU."""
    for k in range(scratch.slope.shape[0]):
        for a in range(scratch.slope.shape[1]):
            back = scratch.pull_minus[a] * scratch.backward[k, a]
            scratch.step[k, a] = rate[k] * (scratch.pull_plus[a] * scratch.slope[k, a] - back)


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
def begin(data: Data, coef: Weights, scratch: Scratch) -> None:
    """Nothing pending, and the extremes of the coefficients as they are."""
    scratch.change[:] = 0.0
    branch_extremes(coef, data.awake, scratch.high, scratch.low, scratch.active_low)


@jit
def look(
    data: Data, inner: Weights, coef: Weights, readout: Array, scratch: Scratch, row: Array, watched: bool
) -> bool:
    """Observables of a state, those of coefficients if their extremes are known; False when it has overflowed."""
    forward(data, inner, readout, scratch)
    observe_outputs(data, scratch, row)
    if watched:
        observe_coefficients(data, coef, scratch, row)
    else:
        leave_out_coefficients(row)
    return is_finite(scratch, row, watched)


@jit
def observe(data: Data, state: State, scratch: Scratch, row: Array) -> bool:
    """All observables of any state."""
    begin(data, state.coef, scratch)
    return look(data, state.inner, state.coef, state.readout, scratch, row, True)


@jit
def evolve_coefficients(data: Data, state: State, steps: PerStep, scratch: Scratch, rows: Array) -> int:
    """Advance z and b in place by plain gradient descent, one update per step given.

    rows[t] receives the observables *before* update t. Returns the number of
    updates made: fewer than asked when the state overflows.
    """
    begin(data, state.coef, scratch)
    for t in range(steps.lr.size):
        if not look(data, state.inner, state.coef, state.readout, scratch, rows[t], data.watched or t == 0):
            return t
        descend(data, state, steps.lr[t], steps.label_noise[t], scratch)
        np.dot(scratch.step, data.gram, scratch.change)  # made on the way forward, when z is read anyway
    state.inner[:] += scratch.change
    return steps.lr.size


@jit
def evolve_weights(
    data: Data, weights: Array, state: State, steps: PerStep, scratch: Scratch, rows: Array
) -> int:
    """The same updates on explicit weights w (2m, D) and atoms v (K, D): the oracle.

    z is computed afresh from the weights at every step, and b is accumulated beside them only so that
    the same observables can be read off; the weights depend on neither.
    """
    begin(data, state.coef, scratch)
    np.dot(weights, data.vectors.T, state.inner)
    for t in range(steps.lr.size):
        if not look(data, state.inner, state.coef, state.readout, scratch, rows[t], data.watched or t == 0):
            return t
        descend(data, state, steps.lr[t], steps.label_noise[t], scratch)
        weights += np.dot(scratch.step, data.vectors)
        np.dot(weights, data.vectors.T, state.inner)
    return steps.lr.size
