"""Keeping BLAS on one thread.

A product summed by two threads may round differently from one summed by a
single thread, so with threads the numbers of a run would depend on the machine
and on what else runs there. Runs are parallel among themselves instead.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


# The setting is one for the whole process: the first to enter makes it, the last to leave undoes it.
_lock, _users = threading.Lock(), 0
_limit: Any = None


@contextmanager
def single_threaded() -> Iterator[None]:
    """Inside, every BLAS that NumPy, SciPy or a kernel calls uses one thread."""
    global _users, _limit
    with _lock:
        if _users == 0:
            _limit = _controller().limit(limits=1, user_api="blas")
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _limit.restore_original_limits()


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Inside :func:`single_threaded`, so many threads for one product; nothing for 1.

    Raises
    ------
    RuntimeError
        When other work of this process relies on a single one.
    """
    if count == 1:
        yield
        return
    with _lock:
        if _users > 1:
            raise RuntimeError(f"threads={count}: must be 1 while other simulations run in this process")
        more = _controller().limit(limits=count, user_api="blas")
    try:
        yield
    finally:
        more.restore_original_limits()


@cache
def _controller() -> Any:
    import scipy.linalg.cython_blas  # noqa: F401  # the BLAS of compiled kernels; load it before looking
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
