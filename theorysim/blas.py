"""Keeping BLAS on one thread.

A product summed by two threads may round differently from one summed by a
single thread, so with threads the numbers of a run would depend on the machine
and on what else runs there. Runs are parallel among themselves instead.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


@contextmanager
def single_threaded() -> Iterator[None]:
    """Inside, every BLAS that NumPy, SciPy or a kernel calls uses one thread."""
    with _controller().limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> Any:
    import scipy.linalg.cython_blas  # noqa: F401  # the BLAS of compiled kernels; load it before looking
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
