"""Every training rule that is more than plain gradient descent, in the span of the data or on explicit weights.

A step reads a gradient, changes its length, and moves the weights by it, by a velocity and by their decay. All of these
are linear, so what happens to w = alpha w(0) + sum_a b_a v_a happens alike to b, to alpha, and to an *image* of w: the
inner products z = w G + ..., or the explicit weights themselves, which are the oracle, and cheaper where there are
fewer dimensions than atoms.
"""

import numpy as np

from theorysim.core.jit import jit
from theorysim.patch.kernels.activation import POWER, activate
from theorysim.patch.kernels.layout import Array, Data, Rule, Scratch, State, PerStep, Weights, Work
from theorysim.patch.kernels.network import begin, forward, look, pull, take_step_by_shape
from theorysim.patch.kernels.observe import branch_extremes


@jit
def evolve_by_rule(
    data: Data, weights: Array, state: State, rule: Rule, steps: PerStep, scratch: Scratch, work: Work, rows: Array
) -> int:
    """Advance the state in place by one update per step given; with explicit weights (2m, D) if there are any.

    rows[t] receives the observables *before* update t. Returns the number of
    updates made: fewer than asked when the state overflows.
    """
    begin(data, state.coef, scratch)
    for t in range(steps.lr.size):
        if weights.size > 0:
            np.dot(weights, data.vectors.T, state.inner)
        if not look(data, state.inner, state.coef, state.readout, scratch, rows[t], data.watched or t == 0):
            return t
        descend_by_rule(data, weights, state, rule, steps, t, scratch, work)
        shorten(rule, weights.size > 0, scratch.step, work)
        move(data, weights, state, rule, steps.lr[t], scratch.step, work)
        if steps.shake.shape[0] > 0:
            shake(data, weights, state, steps.shake[t])
        if data.watched:
            branch_extremes(state.coef, data.awake, scratch.high, scratch.low, scratch.active_low)
    if weights.size > 0:
        np.dot(weights, data.vectors.T, state.inner)
    return steps.lr.size


@jit
def descend_by_rule(
    data: Data, weights: Array, state: State, rule: Rule, steps: PerStep, t: int, scratch: Scratch, work: Work
) -> None:
    """The descent direction -grad L where the rule takes it: into scratch.step, work.image and work.readout."""
    dropout = steps.mask.shape[0] > 0
    point = scratch
    work.masked[:] = state.readout
    if dropout:
        point = work.point
        work.masked[:] *= steps.mask[t]
        work.there[:] = state.inner
        forward(data, work.there, work.masked, point)
    gradient(data, weights, state.inner, rule, steps, t, point, scratch.step, work)
    if rule.sam_radius == 0.0:
        return
    size = norm(rule, weights.size > 0, scratch.step, work)
    if size > 0.0:
        if weights.size > 0:
            work.weights[:] = weights - rule.sam_radius * (work.image / size)
            np.dot(work.weights, data.vectors.T, work.there)
        else:
            work.there[:] = state.inner - rule.sam_radius * (work.image / size)
        if rule.trained_readout:
            work.masked[:] = state.readout - rule.sam_radius * (work.readout / size)
            if dropout:
                work.masked[:] *= steps.mask[t]
        forward(data, work.there, work.masked, work.point)
        gradient(data, weights, work.there, rule, steps, t, work.point, scratch.step, work)


@jit
def gradient(
    data: Data, weights: Array, inner: Weights, rule: Rule, steps: PerStep, t: int, point: Scratch, step: Weights,
    work: Work,
) -> None:
    """-grad L at a point whose outputs and slopes are known: coefficients, their image, and the readout's part."""
    share = steps.share[t] if steps.share.shape[0] > 0 else steps.share.reshape(-1)
    pull(data, steps.label_noise[t], share, rule.label_smoothing, point)
    rate = work.masked / data.divisor
    if data.activation == POWER:
        for k in range(inner.shape[0]):
            for a in range(inner.shape[1]):
                forth, back = point.pull_plus[a], -point.pull_minus[a]
                step[k, a] = rate[k] * point.slope[k, a] * (forth if inner[k, a] > 0.0 else back)
    else:
        take_step_by_shape(rate, point)
        step[:] = point.step
    if weights.size > 0:
        np.dot(step, data.vectors, work.image)
    else:
        np.dot(step, data.gram, work.image)
    if rule.trained_readout:
        pull_readout(data, inner, steps, t, point, work.readout)


@jit
def pull_readout(data: Data, inner: Weights, steps: PerStep, t: int, point: Scratch, step: Array) -> None:
    """-dL/da_k = (1/n) sum_i c_i sum_p sigma(<w_k, x_ip>), under the mask."""
    for k in range(inner.shape[0]):
        total = 0.0
        for a in range(inner.shape[1]):
            z = inner[k, a]
            if data.activation == POWER:  # sigma(z) is at hand
                total += (point.pull_plus[a] if z > 0.0 else point.pull_minus[a]) * point.slope[k, a] * abs(z) / data.q
            else:
                total += point.pull_plus[a] * activate(data.activation, data.q, data.width, z)[0]
                if data.two_sided[a]:
                    total += point.pull_minus[a] * activate(data.activation, data.q, data.width, -z)[0]
        step[k] = total / data.divisor * (steps.mask[t, k] if steps.mask.shape[0] > 0 else 1.0)


@jit
def norm(rule: Rule, explicit: bool, step: Weights, work: Work) -> float:
    """Of the gradient, over all that is trained: |s|^2 = s G s in the span, the sum of squares of explicit weights.

    In units of its largest number: where the data are fitted gradients are so small that their squares are 0.
    """
    unit = 0.0
    for k in range(step.shape[0]):
        for a in range(work.image.shape[1]):
            unit = max(unit, abs(work.image[k, a]))
        if rule.trained_readout:
            unit = max(unit, abs(work.readout[k]))
    if not 0.0 < unit < np.inf:
        return unit
    total = 0.0
    for k in range(step.shape[0]):
        for a in range(work.image.shape[1]):
            total += work.image[k, a] / unit * ((work.image[k, a] if explicit else step[k, a]) / unit)
        if rule.trained_readout:
            total += (work.readout[k] / unit) ** 2
    return unit * np.sqrt(max(total, 0.0))


@jit
def shorten(rule: Rule, explicit: bool, step: Weights, work: Work) -> None:
    """A gradient of at most some norm, or of norm 1; one of norm 0 stays."""
    if not rule.normalised and rule.clip_norm == np.inf:
        return
    size = norm(rule, explicit, step, work)
    if size == 0.0 or (not rule.normalised and size <= rule.clip_norm):
        return
    wanted = 1.0 if rule.normalised else rule.clip_norm
    step[:] = step / size * wanted
    work.image[:] = work.image / size * wanted
    work.readout[:] = work.readout / size * wanted


@jit
def move(data: Data, weights: Array, state: State, rule: Rule, lr: float, step: Weights, work: Work) -> None:
    """u <- mu u + (1 - tau)(s - lambda w), w += lr u; with Nesterov's look ahead w += lr (s - lambda w + mu u).

    The first velocity is s - lambda w whole, whatever the dampening, as in torch.optim.SGD.
    """
    new = 1.0 - rule.dampening if state.scale[2] > 0.0 else 1.0
    if rule.momentum == 0.0:
        drag(state.coef, step, lr, rule.weight_decay)
        drag(weights if weights.size > 0 else state.inner, work.image, lr, rule.weight_decay)
        state.scale[0] -= lr * rule.weight_decay * state.scale[0]
        state.drift[:] *= 1.0 - lr * rule.weight_decay
    else:
        image = weights if weights.size > 0 else state.inner
        carry(state.coef, step, state.velocity, lr, new, rule)
        carry(image, work.image, state.velocity_image, lr, new, rule)
        pulled = -rule.weight_decay * state.scale[0]
        state.scale[1] = rule.momentum * state.scale[1] + new * pulled
        state.scale[0] += lr * (pulled + rule.momentum * state.scale[1] if rule.nesterov else state.scale[1])
        state.scale[2] = 1.0
    if rule.trained_readout:
        for k in range(state.readout.size):
            pulled = work.readout[k] - rule.weight_decay * state.readout[k]
            if rule.momentum > 0.0:
                state.velocity_readout[k] = rule.momentum * state.velocity_readout[k] + new * pulled
                ahead = pulled + rule.momentum * state.velocity_readout[k]
                pulled = ahead if rule.nesterov else state.velocity_readout[k]
            state.readout[k] += lr * pulled


@jit
def drag(values: Weights, step: Weights, lr: float, decay: float) -> None:
    """w += lr (s - lambda w)."""
    for k in range(values.shape[0]):
        for a in range(values.shape[1]):
            values[k, a] += lr * (step[k, a] - decay * values[k, a])


@jit
def carry(values: Weights, step: Weights, velocity: Weights, lr: float, new: float, rule: Rule) -> None:
    """The same with a velocity."""
    ahead = 1.0 if rule.nesterov else 0.0
    follow = rule.momentum if rule.nesterov else 1.0
    for k in range(values.shape[0]):
        for a in range(values.shape[1]):
            pulled = step[k, a] - rule.weight_decay * values[k, a]
            u = rule.momentum * velocity[k, a] + new * pulled
            velocity[k, a] = u
            values[k, a] += lr * (ahead * pulled + follow * u)


@jit
def shake(data: Data, weights: Array, state: State, noise: Array) -> None:
    """Noise (2m, D) on the weights, and on the inner products."""
    state.drift[:] += noise
    if weights.size > 0:
        weights[:] += noise
    else:
        state.inner[:] += np.dot(noise.astype(state.inner.dtype), data.vectors.T)
