"""What papers hide, given as NAME=VALUE."""

from collections.abc import Sequence
from typing import Any


def add(parser: Any) -> None:
    """The option --set."""
    parser.add_argument("--set", dest="constants", nargs="+", default=[], metavar="NAME=VALUE",
                        help="constants that papers hide; `theorysim papers NAME` lists those of one")


def of(assignments: Sequence[str]) -> dict[str, Any]:
    """Numbers and words by name.

    Raises
    ------
    ValueError
        For what is no assignment.
    """
    constants: dict[str, Any] = {}
    for assignment in assignments:
        name, _, value = assignment.partition("=")
        if not name.isidentifier() or not value:
            raise ValueError(f"--set {assignment}: must be NAME=VALUE")
        try:
            constants[name] = float(value)
        except ValueError:
            constants[name] = value
    return constants
