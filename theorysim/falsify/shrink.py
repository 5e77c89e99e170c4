"""From a counterexample to a smaller one: fewer steps, smaller sizes, rounder numbers, a smaller seed."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal

from theorysim.falsify.numbers import STEPS, changed, numbers, plainer
from theorysim.falsify.region import Region
from theorysim.falsify.setting import Setting, Trial

SEEDS = (0, 1, 2)  # that a smaller size is tried with, besides the setting's own: other sizes have other draws
LAST_SEEDS = range(10)
DIGITS = (1, 2, 3)
Look = Callable[[Setting], Trial | None]
Fails = Callable[[Trial | None], bool]


def smaller(
    trial: Trial, region: Region, draws: bool, look: Look, fails: Fails, keep: Callable[[Trial], None]
) -> None:
    """Make a counterexample smaller until nothing does; each one that is found is kept as it comes.

    Every change makes one part simpler and no other less simple, the seed aside, so it ends. A claim that is counted
    over draws (``draws``) has no seed of its own to make smaller.
    """
    def better(settings: Iterable[Setting], seeds: Sequence[int]) -> bool:
        nonlocal trial
        for setting in settings:
            for seed in dict.fromkeys((setting.seed, *seeds)):
                found = look(setting.replace(seed=seed))
                if fails(found) and found is not None:
                    trial = found
                    keep(trial)
                    return True
        return False

    others = () if draws else SEEDS
    while any(better(part(trial, region), seeds)
              for part, seeds in ((_fewer_steps, ()), (_plainer, others), (_smaller_sizes, others), (_rounder, ()))):
        continue
    if not draws:
        better((trial.setting.replace(seed=seed) for seed in LAST_SEEDS if seed < trial.setting.seed), ())


def _fewer_steps(trial: Trial, region: Region) -> Iterator[Setting]:
    if not region.steps or trial.finding is None:
        return
    steps, first = trial.setting.steps, int(trial.finding.first_violation)
    for fewer in dict.fromkeys((first, *_below(steps))):
        if fewer < steps:
            yield from _made(trial.setting, STEPS, fewer)


def _plainer(trial: Trial, region: Region) -> Iterator[Setting]:
    yield from plainer(trial.setting, region)


def _smaller_sizes(trial: Trial, region: Region) -> Iterator[Setting]:
    for name, value in numbers(trial.setting, region).items():
        if isinstance(value, int) and name != STEPS and value > 1:
            for less in _below(value):
                yield from _made(trial.setting, name, less)


def _below(value: int) -> list[int]:
    """Smaller whole numbers, the smallest first."""
    digits = 10 ** (len(str(value)) - 1)
    return [one for one in dict.fromkeys((1, 2, value // 4, value // 2, 3 * value // 4, value // digits * digits,
                                          value - 1)) if 1 <= one < value]


def _rounder(trial: Trial, region: Region) -> Iterator[Setting]:
    for name, value in numbers(trial.setting, region).items():
        if not isinstance(value, int):
            for rounder in _with_fewer_digits(value):
                yield from _made(trial.setting, name, rounder)


def _with_fewer_digits(value: float) -> list[float]:
    """1, the nearest power of ten, and the value in few digits: those that are simpler than it."""
    exponent = math.floor(math.log10(abs(value)))
    powers = [math.copysign(float(f"1e{exponent + one}"), value) for one in (0, 1)]
    tried = [math.copysign(1.0, value), *powers, *(float(f"{value:.{digits - 1}e}") for digits in DIGITS)]
    return [one for one in dict.fromkeys(tried) if _length(one) < _length(value)]


def _length(value: float) -> tuple[int, int]:
    """How many digits a number has, and how far from 1 it is."""
    _, digits, _ = Decimal(repr(value)).normalize().as_tuple()
    return len(digits) + (abs(value) != 1), abs(math.floor(math.log10(abs(value))))


def _made(setting: Setting, name: str, value: float) -> Iterator[Setting]:
    """The setting with one number changed, if there is such a one."""
    try:
        yield changed(setting, {name: value})
    except (TypeError, ValueError, OverflowError):
        return
