"""What every command shares: how its options are read, and what is said of those that are not known."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from theorysim.core import validate


class Parser(argparse.ArgumentParser):
    """Options of one command; they are written in full, so that one that is added changes no line that works."""

    def __init__(self, prog: str, description: str, epilog: str, usage: str | None = None, **rest: Any) -> None:
        super().__init__(prog=prog, description=description, epilog=epilog, usage=usage, allow_abbrev=False,
                         formatter_class=argparse.RawDescriptionHelpFormatter, **rest)

    @property
    def flags(self) -> list[str]:
        """All options, as they are written."""
        return list(self._option_string_actions)


@dataclass(frozen=True)
class Command:
    """A command of `theorysim`.

    Attributes
    ----------
    name, help, description, examples : str
        How it is called, what it does in a line, in full, and on lines that can be copied.
    add : function
        Of a parser and the words that follow the command, which may decide about its options: adds them.
    run : function
        Of what was given (``arguments`` are the words themselves): does it, and returns the exit status.
    """

    name: str
    help: str
    description: str
    examples: str
    add: Callable[[Parser, Sequence[str]], None]
    run: Callable[[argparse.Namespace], int]

    def parser(self, arguments: Sequence[str]) -> Parser:
        """A parser of its options."""
        made = Parser(f"theorysim {self.name}", self.description, self.examples)
        self.add(made, arguments)
        return made


def parsed(parser: Parser, arguments: Sequence[str]) -> argparse.Namespace:
    """What was given; an option that is not known ends the program, and says which one may be meant."""
    given, unknown = parser.parse_known_args(arguments, argparse.Namespace(arguments=list(arguments)))
    if unknown:
        parser.error(unrecognised(unknown, parser.flags))
    return given


def unrecognised(words: Sequence[str], known: Sequence[str]) -> str:
    """The message about words that mean nothing here."""
    options = [one.partition("=")[0] for one in words if one.startswith("--")]
    hint = validate.nearest(options[0], known) if options else ""
    return f"unrecognized arguments: {' '.join(words)}{hint}"
