"""Progress bars, and the absence of one."""

from typing import Any


class NoBar:
    """A progress bar that shows nothing."""

    def __enter__(self) -> "NoBar":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, steps: int) -> None:
        """Count steps, silently."""


def bar(total: int, shown: bool, unit: str = "step", description: str = "simulate") -> Any:
    """A tqdm bar when it is to be shown, else an object with the same three methods."""
    if not shown:
        return NoBar()
    from tqdm.auto import tqdm

    return tqdm(total=total, unit=unit, desc=description)
