"""One run as measures see it."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from theorysim.core.run import Run, Times


@dataclass(frozen=True)
class Reading:
    """A run with what measures need besides; what several of them need is found once.

    Attributes
    ----------
    run : Run
    constants : mapping
        Of times and verdicts, those that were given.
    n_test : int
        Noise vectors of a test error.
    """

    run: Run
    constants: Mapping[str, Any]
    n_test: int
    _found: dict[str, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def times(self) -> Times:
        """Stage times, with those of the constants that their definition has."""
        known = inspect.signature(self.run.stage_times).parameters
        return self.run.stage_times(**{name: value for name, value in self.constants.items() if name in known})

    def once(self, name: str, find: Callable[[], Any]) -> Any:
        """What a function returns, which is called for the first measure that asks for this name."""
        if name not in self._found:
            self._found[name] = find()
        return self._found[name]
