"""The one place that decides how kernels are compiled.

Every kernel is compiled with the same options: no fastmath (a kernel must see
NaN and infinity, and sum in the order it is written), the interpreter lock
released, and the machine code cached on disk so that only the first call ever
pays for compilation. Set ``NUMBA_CACHE_DIR`` to move the cache and
``NUMBA_DISABLE_JIT=1`` to run the same source as plain Python.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def jit(kernel: Kernel) -> Kernel:
    """Compile a kernel with the options of this project."""
    return cast(Kernel, numba.njit(cache=True, fastmath=False, nogil=True)(kernel))
