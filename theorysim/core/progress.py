"""Progress bars, and the absence of one."""

from typing import Any

# Work is measured in floating-point operations, so that the time left is right although runs differ in size.
WORK_FORMAT = "{desc}: |{bar}| {percentage:3.0f}%{postfix} [{elapsed}<{remaining}, {rate_fmt}]"


class NoBar:
    """A progress bar that shows nothing."""

    def __enter__(self) -> "NoBar":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, steps: float) -> None:
        """Count steps, silently."""

    def set_postfix_str(self, text: str, refresh: bool = True) -> None:
        """Say something more, silently."""


def bar(total: float, shown: bool, unit: str = "step", description: str = "simulate") -> Any:
    """A tqdm bar when it is to be shown, else an object with the same methods."""
    if not shown:
        return NoBar()
    from tqdm.auto import tqdm

    if unit == "FLOP":
        return tqdm(total=total, unit=unit, desc=description, unit_scale=True, bar_format=WORK_FORMAT)
    return tqdm(total=total, unit=unit, desc=description)
