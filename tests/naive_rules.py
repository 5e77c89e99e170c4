"""Loop-level reference of the training rules: explicit weights in d dimensions, one sample and one filter at a time.

It is written from the equations alone and shares no code with the package. What a run takes at random at a step (its
batch, mask, label multipliers, noise on the weights) is given to it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Curve = Callable[[float], float]


def exp(x: float) -> float:
    """e^x, infinite where that overflows."""
    return math.exp(x) if x < 709.0 else math.inf


def power(x: float, q: float) -> float:
    """x^q, infinite (of its sign) where that overflows."""
    try:
        return x**q
    except OverflowError:
        return -math.inf if x < 0 and q % 2 == 1 else math.inf


# --- activations: (σ, σ') --------------------------------------------------------------------------------------------

Activation = tuple[Curve, Curve]


def power_relu(q: float) -> Activation:
    """max(0, z)^q; σ'(0) = 0."""
    return lambda z: power(z, q) if z > 0 else 0.0, lambda z: q * power(z, q - 1) if z > 0 else 0.0


def signed_power(q: float) -> Activation:
    """|z|^q sign z; even slope q|z|^(q−1)."""
    return lambda z: math.copysign(power(abs(z), q), z), lambda z: q * power(abs(z), q - 1)


def monomial(q: int) -> Activation:
    """z^q."""
    return lambda z: power(z, q), lambda z: q * power(z, q - 1)


def leaky_relu(slope: float) -> Activation:
    """z above 0, slope·z from there down."""
    return lambda z: z if z > 0 else slope * z, lambda z: 1.0 if z > 0 else slope


def huberised_relu(q: float, h: float) -> Activation:
    """0, then z^q/(q h^(q−1)) up to h, then a line of slope 1."""

    def value(z: float) -> float:
        if z <= 0:
            return 0.0
        return z**q / (q * h ** (q - 1)) if z <= h else z - h * (1 - 1 / q)

    def slope(z: float) -> float:
        if z <= 0:
            return 0.0
        return (z / h) ** (q - 1) if z <= h else 1.0

    return value, slope


def smoothed_leaky_relu(slope: float, h: float) -> Activation:
    """A parabola for |z| ≤ h; outside lines of slopes 1 and ``slope``, shifted by −(1 − slope)h/4 to meet it."""

    def value(z: float) -> float:
        if abs(z) <= h:
            return (1 - slope) * z * z / (4 * h) + (1 + slope) * z / 2
        return (z if z > 0 else slope * z) - (1 - slope) * h / 4

    def derivative(z: float) -> float:
        if abs(z) <= h:
            return (1 - slope) * z / (2 * h) + (1 + slope) / 2
        return 1.0 if z > 0 else slope

    return value, derivative


def identity() -> Activation:
    """z."""
    return lambda z: z, lambda z: 1.0


def erf() -> Activation:
    """erf(z/√2); slope √(2/π) e^(−z²/2)."""
    return lambda z: math.erf(z / math.sqrt(2)), lambda z: math.sqrt(2 / math.pi) * math.exp(-min(z * z / 2, 745.0))


def softplus(beta: float) -> Activation:
    """log(1 + e^(βz))/β; slope 1/(1 + e^(−βz))."""
    return lambda z: logistic(-beta * z)[0] / beta, lambda z: -logistic(-beta * z)[1]


# --- losses of the margin: (ℓ, ℓ') -----------------------------------------------------------------------------------


def logistic(z: float) -> tuple[float, float]:
    """log(1 + e^(−z)), −1/(1 + e^z)."""
    if z > 0:
        return math.log1p(math.exp(-z)), -math.exp(-z) / (1 + math.exp(-z))
    return math.log1p(math.exp(z)) - z, -1 / (1 + math.exp(z))


def exponential(z: float) -> tuple[float, float]:
    """e^(−z)."""
    return exp(-z), -exp(-z)


def hinge(z: float) -> tuple[float, float]:
    """max(0, 1 − z), with slope 0 at 1."""
    return max(0.0, 1 - z), -1.0 if z < 1 else 0.0


def squared(z: float) -> tuple[float, float]:
    """(1 − z)²/2."""
    return (1 - z) * (1 - z) / 2, z - 1


LOSSES: dict[str, Callable[[float], tuple[float, float]]] = {
    "logistic": logistic, "exponential": exponential, "hinge": hinge, "squared": squared,
}


# --- network, rule, and what a step takes ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Network:
    """f(x) = Σ_k a_k Σ_p σ(⟨w_k, x^(p)⟩), its loss, and whether a step's loss is a mean."""

    activation: Activation
    loss: str = "logistic"
    mean: bool = True

    def output(self, weights: Array, readout: Array, sample: Array, mask: Sequence[float]) -> float:
        """f of one sample (P, d); a filter counts mask_k times."""
        total = 0.0
        for k in range(len(weights)):
            if mask[k] != 0:
                for x in sample:
                    total += mask[k] * readout[k] * self.activation[0](float(weights[k] @ x))
        return total

    def outputs(self, weights: Array, readout: Array, patches: Array) -> list[float]:
        """f of all samples, (n,)."""
        return [self.output(weights, readout, sample, [1.0] * len(weights)) for sample in patches]

    def size(self, weights: Array, readout: Array, patches: Array) -> float:
        """The largest Σ_k |a_k| Σ_p |σ| of a sample."""
        value = self.activation[0]
        votes = [abs(a) * abs(value(float(w @ x))) for sample in patches
                 for w, a in zip(weights, readout, strict=True) for x in sample]
        return max(np.reshape(votes, (len(patches), -1)).sum(axis=1).tolist())


@dataclass(frozen=True)
class Rule:
    """Options of a training rule; conventions of torch.optim.SGD where it has them."""

    label_smoothing: float = 0.0
    clip_norm: float | None = None
    normalised: bool = False
    sam_radius: float = 0.0
    weight_decay: float = 0.0
    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    train_readout: bool = False


@dataclass(frozen=True)
class Taken:
    """What every one of T steps takes."""

    lr: Array  # (T,)
    eps: Array  # (T, n), multipliers of the labels
    count: Array  # (T, n), how often each sample is in the batch
    mask: Array  # (T, 2m), 0 or what the filters that are in count
    shake: Array  # (T, 2m, d), added to the weights after the step

    def __getitem__(self, steps: slice) -> "Taken":
        return Taken(*(getattr(self, name)[steps] for name in self.__dataclass_fields__))


@dataclass
class History:
    """Every step of a training: state t is the one before update t, state 0 the initialisation."""

    weights: list[Array] = field(default_factory=list)  # each (2m, d)
    readouts: list[Array] = field(default_factory=list)  # each (2m,)
    outputs: list[list[float]] = field(default_factory=list)  # each (n,)
    sizes: list[float] = field(default_factory=list)  # largest sum of |votes|, what the rounding of outputs is of
    rows: list[dict[str, float]] = field(default_factory=list)

    @property
    def diverged(self) -> bool:
        """Whether the last state is not finite."""
        last = [*self.weights[-1].flat, *self.readouts[-1], *self.outputs[-1], self.rows[-1]["train_loss"]]
        return not np.isfinite(last).all()


def gradient(
    network: Network, patches: Array, target: Array, weights: Array, readout: Array, eps: Array, count: Array,
    mask: Array, smoothing: float,
) -> tuple[Array, Array]:
    """Of Σ_i ω_i [(1 − s/2) ℓ(ε_i ỹ_i f_i) + (s/2) ℓ(−ε_i ỹ_i f_i)] in the weights (2m, d) and the readout (2m,).

    f is the network with its mask; ω_i is how often sample i is in the batch, divided by the batch's size if the loss
    is a mean.
    """
    value, slope = network.activation
    derivative = LOSSES[network.loss]
    of_weights, of_readout = np.zeros_like(weights), np.zeros_like(readout)
    for i, sample in enumerate(patches):
        if count[i] == 0:
            continue
        omega = count[i] / count.sum() if network.mean else count[i]
        sign = float(eps[i] * target[i])
        z = sign * network.output(weights, readout, sample, mask)
        by_margin = (1 - smoothing / 2) * derivative(z)[1]
        if smoothing > 0:
            by_margin -= smoothing / 2 * derivative(-z)[1]
        by_output = omega * by_margin * sign
        for k in range(len(weights)):
            if mask[k] != 0:
                for x in sample:
                    inner = float(weights[k] @ x)
                    of_weights[k] += by_output * mask[k] * readout[k] * slope(inner) * x
                    of_readout[k] += by_output * mask[k] * value(inner)
    return of_weights, of_readout


def train(
    network: Network, rule: Rule, taken: Taken, patches: Array, target: Array, weights: Array, readout: Array
) -> History:
    """Training on samples (n, P, d) with observed labels; a state or loss that is not finite is the last one.

    The gradient g is that of the loss of the step's batch. With a radius ρ it is taken at (w, a) + ρ g/‖g‖ instead;
    then it is clipped to, or divided by, its norm. With λ, μ, τ of decay, momentum and dampening

        d = g + λ w,   u = d at the first step and μ u + (1 − τ) d later,   w −= η u, or η (d + μ u) if nesterov.

    A trained readout a is one more part of w in all this; noise comes to the weights of the filters alone.
    """
    weights, readout = weights.copy(), readout.copy()
    history = History()
    velocity: tuple[Array, Array] | None = None
    for t in range(len(taken.lr) + 1):
        outputs = network.outputs(weights, readout, patches)
        history.weights.append(weights.copy())
        history.readouts.append(readout.copy())
        history.outputs.append(outputs)
        history.sizes.append(network.size(weights, readout, patches))
        history.rows.append(row(network, outputs, target))
        if t == len(taken.lr) or history.diverged:
            return history

        def slope_at(w: Array, a: Array, t: int = t) -> tuple[Array, Array]:
            g, h = gradient(network, patches, target, w, a, taken.eps[t], taken.count[t], taken.mask[t],
                            rule.label_smoothing)
            return g, h if rule.train_readout else np.zeros_like(h)

        g, h = slope_at(weights, readout)
        if rule.sam_radius and (size := norm(g, h)) > 0:
            g, h = slope_at(weights + rule.sam_radius * (g / size), readout + rule.sam_radius * (h / size))
        size = norm(g, h)
        if rule.clip_norm is not None and size > rule.clip_norm:
            g, h = rule.clip_norm * (g / size), rule.clip_norm * (h / size)
        if rule.normalised and size > 0:
            g, h = g / size, h / size
        g = g + rule.weight_decay * weights
        if rule.train_readout:
            h = h + rule.weight_decay * readout
        if rule.momentum:
            if velocity is None:
                velocity = g, h
            else:
                mu, rest = rule.momentum, 1 - rule.dampening
                velocity = mu * velocity[0] + rest * g, mu * velocity[1] + rest * h
            if rule.nesterov:
                g, h = g + rule.momentum * velocity[0], h + rule.momentum * velocity[1]
            else:
                g, h = velocity
        weights -= taken.lr[t] * g
        weights += taken.shake[t]
        readout -= taken.lr[t] * h
    raise AssertionError("unreachable")


def norm(g: Array, h: Array) -> float:
    """Root of the sum of squares of all entries of both, also where these squares underflow."""
    return math.hypot(*g.flat, *h)


def row(network: Network, outputs: Sequence[float], target: Array) -> dict[str, float]:
    """Observables of a state: of the plain loss of every sample, whatever the rule makes of it."""
    z = [float(y * f) for y, f in zip(target, outputs, strict=True)]
    loss = [LOSSES[network.loss](value) for value in z]
    return {
        "train_loss": sum(value for value, _ in loss) / len(z),
        "train_accuracy": sum(value > 0 for value in z) / len(z),
        "loss_derivative_min": min(-slope for _, slope in loss),
        "loss_derivative_max": max(-slope for _, slope in loss),
        "output_min": min(z),
        "output_max": max(z),
    }
