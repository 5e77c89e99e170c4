"""Runs side by side in threads: compiled code takes the time, and it lets the others go on."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from theorysim.core import interrupts, progress

Item = TypeVar("Item")
Result = TypeVar("Result")
POLL = 0.1  # seconds between two looks at Ctrl-C


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


def side_by_side(
    work: Callable[[Item], Result], items: Sequence[Item], workers: int, last: Callable[[Result], bool], shown: bool
) -> list[Result | None]:
    """What the work makes of the items, in their order.

    Ctrl-C, or a result that is the ``last``, ends it: what has not begun is None, and what goes on sees the same as
    at Ctrl-C (:func:`theorysim.core.interrupts.postponed`) and is waited for. So does an error, which is raised then.
    """
    halted = False
    with interrupts.postponed() as interrupted:
        def ends() -> bool:
            return halted or interrupted()

        def follow(item: Item) -> Result | None:
            nonlocal halted
            if ends():
                return None
            with interrupts.following(ends):
                made = work(item)
            halted = halted or last(made)
            return made

        with progress.bar(len(items), shown, "run") as bar, ThreadPoolExecutor(workers) as pool:
            every: list[Future[Result | None]] = [pool.submit(follow, item) for item in items]
            waiting = set(every)
            try:
                while waiting:
                    done, waiting = wait(waiting, POLL, FIRST_COMPLETED)
                    for future in done:
                        future.result()
                        bar.update(1)
            finally:  # by a second Ctrl-C, too: threads end at their next look
                halted = True
    return [future.result() for future in every]
