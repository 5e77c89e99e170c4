"""The command line: the library's verbs, one command each."""

import sys
from collections.abc import Sequence

import theorysim
from theorysim.cli import check, falsify, output, papers, reproduce, sweep, train
from theorysim.cli.parser import Command, Parser, parsed
from theorysim.core import validate

ABOUT = "See whether a run does what a theorem says: exact dynamics at any dimension, at any width."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        return output.flushed(lambda: _run(given))
    except BrokenPipeError:  # who was reading has seen enough, as `head` has
        output.let_go()
        return output.CLOSED_PIPE
    except (ValueError, TypeError, OSError, ImportError) as error:
        print(f"theorysim: {error}", file=sys.stderr)
        return 2


def commands() -> dict[str, Command]:
    """All commands, by name, as they are listed."""
    found = [*train.commands(), check.COMMAND, falsify.COMMAND, sweep.COMMAND, papers.COMMAND, reproduce.COMMAND]
    return {one.name: one for one in found}


def _run(arguments: list[str]) -> int:
    """The command that comes first, with what follows it; `help COMMAND` is COMMAND --help."""
    known = commands()
    name, *rest = arguments or [""]
    if name == "help":
        name, rest = (rest[0], ["--help"]) if rest else ("--help", [])
    if name not in known:
        return _without_command(known, name)
    command = known[name]
    return command.run(parsed(command.parser(rest), rest))


def _without_command(known: dict[str, Command], word: str) -> int:
    """--help, --version, or what is wrong."""
    listing = "\n".join(f"  {one.name:14}{one.help}" for one in known.values())
    parser = Parser(
        "theorysim", f"{ABOUT}\n\ncommands:\n{listing}\n  {'help':14}explain a command",
        "`theorysim COMMAND --help` explains a command with examples.", usage="theorysim COMMAND ...",
    )
    parser.add_argument("--version", action="version", version=f"theorysim {theorysim.__version__}")
    if word and not word.startswith("-"):
        parser.error(f"there is no command {word!r}; must be one of {', '.join(known)}, help"
                     f"{validate.nearest(word, [*known, 'help'])}")
    parsed(parser, [word] if word else [])
    parser.error(f"give a command: {', '.join(known)}, help")
