"""Activations sigma and their slopes, by number: what a kernel asks of one inner product.

The power of a ReLU, which all papers on the patch network start from, has loops of its own in network.py; the others
go through ``activate``. A number that is the same for a whole loop costs next to nothing there.
"""

import math

from theorysim.core.jit import jit

POWER, SIGNED, MONOMIAL, LEAKY, HUBERISED, SMOOTHED, IDENTITY, ERF, SOFTPLUS = range(9)


@jit
def activate(kind: int, first: float, second: float, z: float) -> tuple[float, float]:
    """sigma(z) and sigma'(z) of an activation with up to two numbers.

    A product 0 z is there for infinite z, to be NaN: where sigma is bounded, an overflow is to be seen nevertheless.
    """
    if kind == POWER:  # max(0, z)^q
        return (z**first, first * z ** (first - 1.0)) if z > 0.0 else (0.0 * z, 0.0)
    if kind == SIGNED:  # |z|^q sign z
        size = abs(z)
        return math.copysign(size**first, z), first * size ** (first - 1.0)
    if kind == MONOMIAL:  # z^q, q a whole number
        slope = first * z ** (int(first) - 1)
        return z ** int(first), slope
    if kind == LEAKY:
        return (z, 1.0) if z > 0.0 else (first * z, first)
    if kind == HUBERISED:  # z^q / (q h^(q-1)) up to h, then linear
        if z <= 0.0:
            return 0.0 * z, 0.0
        if z < second:
            slope = (z / second) ** (first - 1.0)
            return slope * z / first, slope
        return z - second * (1.0 - 1.0 / first), 1.0
    if kind == SMOOTHED:  # leaky ReLU, a parabola within h of 0
        if abs(z) <= second:
            bend = (1.0 - first) / (2.0 * second)
            return (0.5 * bend * z + 0.5 * (1.0 + first)) * z, bend * z + 0.5 * (1.0 + first)
        slope = 1.0 if z > 0.0 else first
        return slope * z - 0.25 * (1.0 - first) * second, slope
    if kind == IDENTITY:
        return z, 1.0
    if kind == ERF:
        return math.erf(z * math.sqrt(0.5)) + 0.0 * z, math.sqrt(2.0 / math.pi) * math.exp(-0.5 * z * z)
    scaled = first * z  # softplus
    decay = math.exp(-abs(scaled))
    return ((max(scaled, 0.0) + math.log1p(decay)) / first + 0.0 * z, (1.0 if scaled > 0.0 else decay) / (1.0 + decay))
