"""The one place that decides how kernels are compiled.

Every kernel is compiled with the same options: no fastmath (a kernel must see
NaN and infinity, and sum in the order it is written), the interpreter lock
released, and the machine code cached on disk so that only the first call ever
pays for compilation. Set ``NUMBA_CACHE_DIR`` to move the cache and
``NUMBA_DISABLE_JIT=1`` to run the same source as plain Python.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import numba
from numba.core import event

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def jit(kernel: Kernel) -> Kernel:
    """Compile a kernel with the options of this project."""
    return cast(Kernel, numba.njit(cache=True, fastmath=False, nogil=True)(kernel))


EVENTS: Any = event  # which has no types


class _Slow(event.Listener):
    """Calls a function once, when compilation has gone on for some time; it is called by another thread."""

    def __init__(self, tell: Callable[[], None], after: float) -> None:
        self.tell, self.after = tell, after
        self.lock = threading.Lock()
        self.running, self.begun, self.told = 0, 0.0, False
        self.timer: threading.Timer | None = None

    def on_start(self, _event: Any) -> None:
        """A kernel that was not on disk is compiled; it may be called by one that is."""
        with self.lock:
            self.running += 1
            self.begun = self.begun or time.monotonic()
            if self.timer is None:
                self.timer = threading.Timer(max(0.0, self.begun + self.after - time.monotonic()), self._due)
                self.timer.daemon = True
                self.timer.start()

    def on_end(self, _event: Any) -> None:
        """It is done."""
        with self.lock:
            self.running -= 1

    def _due(self) -> None:
        with self.lock:
            self.timer = None  # the next kernel asks again
            tell = self.running > 0 and not self.told
            self.told |= tell
        if tell:
            self.tell()

    def stop(self) -> None:
        """Tell nothing any more."""
        with self.lock:
            self.told = True
            if self.timer is not None:
                self.timer.cancel()


@contextmanager
def watched(tell: Callable[[], None], after: float = 1.0) -> Iterator[None]:
    """Inside, call ``tell`` once if kernels are still being compiled so many seconds after the first of them.

    Kernels that are read from the disk do not count. Another thread calls it.
    """
    listener = _Slow(tell, after)
    EVENTS.register("numba:compile", listener)
    try:
        yield
    finally:
        EVENTS.unregister("numba:compile", listener)
        listener.stop()
