"""Where an overflow happened, for steppers whose kernels notice it only at the end of a chunk."""

from collections.abc import Callable


def last_finite(start: int, stop: int, finite: Callable[[int], bool]) -> int:
    """The last step before an overflow, by bisection: ``start`` is finite, ``stop`` is not.

    ``finite`` says it of a step between; what has overflowed stays so.
    """
    while stop - start > 1:
        middle = (start + stop) // 2
        start, stop = (middle, stop) if finite(middle) else (start, middle)
    return start
