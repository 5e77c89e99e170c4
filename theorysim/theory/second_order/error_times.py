"""When the law has the test error at a value: the signal parts of both classes at a step, and the error of these.

The slower class decides, but its fresh noise meets the memory of the other one, which by then may have made way for the
signal: with the same signal part on both classes this time comes out some 5 to 10% too long. Derived, q = 2.
"""

import numpy as np
from scipy.optimize import bisect, brentq

from theorysim.core import validate
from theorysim.theory.second_order.error import closed_eigenvalue, minus_log_error
from theorysim.theory.second_order.multipliers import Multipliers
from theorysim.theory.second_order.starts import ClassStart
from theorysim.theory.second_order.times import second_stage

LATEST = 1e15  # steps, after which an error counts as never reached
EDGE = 1e-9  # relative, of the ends between which a signal part is looked for


def signal_reached(start: ClassStart, step: float, kappa: float, snr_squared: float, law: Multipliers) -> float:
    """S, the signal part of one class after so many steps: the inverse of :func:`second_stage`, S = breadth·s².

    Between its start and f*, where memory rests.
    """
    rest, step = law.resting(), validate.real("step", step, 0)
    first = start.breadth * start.signal**2
    low, high = np.log(first) + EDGE, np.log(rest) - EDGE
    if low >= high:
        return first

    def late(log_part: float) -> float:
        threshold = float(np.sqrt(np.exp(log_part) / start.breadth)) - start.signal
        return min(second_stage(start, kappa, snr_squared, law, threshold) - step, step + 1)

    if late(low) >= 0:
        return first
    return rest if late(high) <= 0 else float(np.exp(bisect(late, low, high, xtol=1e-10)))


def error_time(
    starts: tuple[ClassStart, ClassStart], kappa: float, snr_squared: float, law: Multipliers, minus_log: float, m: int,
    d: float, init_scale: float = 0.0,
) -> float:
    """The step at which the test error is e^{−minus_log}: min over y of mS_y/(2μ_{−y}), with F = f* − S in μ.

    ``starts`` are those of the classes +1 and −1, μ is :func:`closed_eigenvalue`. ∞ where the error is never reached.
    Where memory rests.
    """
    minus_log = validate.real("minus_log", minus_log, 0, above=True)

    def missing(log_step: float) -> float:
        parts = [signal_reached(one, float(np.exp(log_step)), kappa, snr_squared, law) for one in starts]
        tops = [closed_eigenvalue(max(law.rest - part, EDGE), one.samples, m, d, init_scale)
                for part, one in zip(parts, starts, strict=True)]
        return float(np.log(minus_log_error(parts, tops, m) / minus_log))

    high = 1.0
    while missing(high) < 0:
        high += 1
        if high > np.log(LATEST):
            return float("inf")
    return float(np.exp(brentq(missing, high - 1, high, xtol=1e-6))) if missing(high - 1) < 0 else 0.0
