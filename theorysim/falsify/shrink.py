"""From a counterexample to a smaller one: fewer steps, smaller sizes, rounder numbers, a smaller seed."""

import math
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import partial

from theorysim.falsify.numbers import STEPS, changed, numbers, plainer
from theorysim.falsify.region import Region
from theorysim.falsify.setting import Setting, Trial

LAST_SEEDS = range(10)
DIGITS = (1, 2, 3)
ONE_BY_ONE = 16  # whole numbers up to this are made smaller by 1 too
Look = Callable[[Setting], Trial | None]
Fails = Callable[[Trial | None], bool]
Candidates = Callable[[Trial, Region], Iterator[Setting]]


def smaller(
    trial: Trial, region: Region, draws: bool, look: Look, fails: Fails, promising: Callable[[Setting], Setting | None],
    keep: Callable[[Trial], None],
) -> None:
    """Make a counterexample smaller until nothing does; each one that is found is kept as it comes.

    Every change makes one part simpler and no other less simple, the seed aside, so it ends. Other sizes have other
    draws, so each is tried with a second seed, a ``promising`` one; but a claim that is counted over draws (``draws``)
    has no seed of its own.
    """
    tried: set[str] = set()

    def better(settings: Iterable[Setting], anew: bool) -> bool:
        nonlocal trial
        for setting in settings:
            for one in (setting, promising(setting.replace(seed=0)) if anew and not draws else None):
                if one is None or repr(one) in tried:
                    continue
                tried.add(repr(one))
                found = look(one)
                if fails(found) and found is not None:
                    trial = found
                    keep(trial)
                    return True
        return False

    def until_none(candidates: Candidates, anew: bool) -> bool:
        count = 0
        while better(candidates(trial, region), anew):
            count += 1
        return count > 0

    again = True
    while again:
        names = list(numbers(trial.setting, region))
        again = any([until_none(_fewer_steps, False), until_none(_plainer, True),
                     *(until_none(partial(_simpler, name), True) for name in names)])
    if not draws:
        better((trial.setting.replace(seed=seed) for seed in LAST_SEEDS if seed < trial.setting.seed), False)


def _fewer_steps(trial: Trial, region: Region) -> Iterator[Setting]:
    steps, first = trial.setting.steps, int(trial.seen.first_violation)
    for fewer in dict.fromkeys((first, *_below(steps))) if region.steps else ():
        if fewer < steps:
            yield from _made(trial.setting, STEPS, fewer)


def _plainer(trial: Trial, region: Region) -> Iterator[Setting]:
    yield from plainer(trial.setting, region)


def _simpler(name: str, trial: Trial, region: Region) -> Iterator[Setting]:
    """One number smaller if it is whole, else in fewer digits."""
    value = numbers(trial.setting, region).get(name)
    if value is None or name == STEPS:
        return
    for less in _below(value) if isinstance(value, int) else _with_fewer_digits(value):
        yield from _made(trial.setting, name, less)


def _below(value: int) -> list[int]:
    """Smaller whole numbers, the smallest first: of large ones fractions, and what has one digit or two."""
    tens = 10 ** (len(str(value)) - 1)
    tried = (1, 2, value // 4, value // 2, 3 * value // 4, value // tens * tens, 10 * value // tens * tens // 10,
             value - 1 if value <= ONE_BY_ONE else 0)
    return [one for one in dict.fromkeys(tried) if 1 <= one < value]


def _with_fewer_digits(value: float) -> list[float]:
    """The power of ten below a number, and the number in few digits: those that are simpler than it."""
    power = math.copysign(float(f"1e{math.floor(math.log10(abs(value)))}"), value)
    tried = [power, *(float(f"{value:.{digits - 1}e}") for digits in DIGITS)]
    return [one for one in dict.fromkeys(tried) if _length(one) < _length(value)]


def _length(value: float) -> int:
    """How many digits a number has; a power of ten is simpler than another number of one digit."""
    _, digits, _ = Decimal(repr(value)).normalize().as_tuple()
    return len(digits) + (digits != (1,))


def _made(setting: Setting, name: str, value: float) -> Iterator[Setting]:
    """The setting with one number changed, if there is such a one."""
    try:
        yield changed(setting, {name: value})
    except (TypeError, ValueError, OverflowError):
        return
