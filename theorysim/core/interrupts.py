"""Ctrl-C that loses nothing: a flag to look at between pieces of work."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


_thread = threading.local()


@contextmanager
def following(flag: Callable[[], bool]) -> Iterator[None]:
    """Inside, in a thread that works for another, work stops when that one's flag is raised."""
    _thread.flag = flag
    try:
        yield
    finally:
        del _thread.flag


@contextmanager
def postponed() -> Iterator[Callable[[], bool]]:
    """Inside, a first Ctrl-C only raises the flag that the yielded function reads; a second one interrupts.

    Outside the main thread signals never arrive: there the flag is the one that the thread follows, if any.
    """
    raised = False

    def remember(_signal: int, _frame: FrameType | None) -> None:
        nonlocal raised
        raised = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    if threading.current_thread() is not threading.main_thread():
        yield getattr(_thread, "flag", lambda: False)
        return
    before = signal.signal(signal.SIGINT, remember)
    try:
        yield lambda: raised
    finally:
        signal.signal(signal.SIGINT, before)
