"""A paper as a value, and where papers are found: installed packages, this one included, and those of a notebook.

An installed package brings its papers as entry points of the group ``theorysim.papers``, each a :class:`Paper` under
its name; nothing of it is imported before a paper is asked for. A paper that cannot be loaded is as if it were not
there, until it is asked for by name.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from typing import Any, NamedTuple

from theorysim.core import validate
from theorysim.core.html import Shown
from theorysim.systems import system_of
from theorysim.theory.law import Law, LawOf, law_for
from theorysim.theory.statement import Constants, Evidence, Statement

GROUP = "theorysim.papers"
HOME = "theorysim"


@dataclass(frozen=True)
class Figure:
    """A figure or table of a paper, made again.

    Attributes
    ----------
    text : str
        What it shows, in one line.
    run : function
        Of keyword arguments with defaults, ``seeds`` and ``progress`` among them, returning a
        :class:`theorysim.reproduce.Report`.
    """

    text: str
    run: Callable[..., Any]


def no_setting(_run: Any) -> str:
    """A paper that is nobody's first choice."""
    return ""


@dataclass(frozen=True, eq=False)
class Paper(Shown):
    """What a paper says, as the verbs look it up.

    Attributes
    ----------
    name : str
        By which it is asked for: letters, digits and underscores, such as "huang2025".
    citation : str
    about : tuple of str
        Names of the systems whose runs it speaks of: "patch", "mean_field", "linear", "oscillation", "reweighting",
        "attention", or your own.
    statements : tuple of Statement
    evidence : type
        Of what the statements and laws are functions: called with a run and constants.
    constants : type
        What the paper hides, :class:`Constants` or a subclass.
    laws : mapping
        From names such as "T1" to a :class:`Law`, or to a function of the algorithm that returns one. ``scaling`` knows
        them as "huang2025.T1".
    plain_laws : bool
        Whether they also go by their names alone.
    setting : function
        Of a run of these systems: why this is a run of the paper's setting, in a few words; "" when it is not.
    unlike : function
        Of a run of these systems: what makes it none that the paper's claims about trajectories speak of, such as
        another training rule; "" when nothing does. Claims about problem and draw alone stay.
    regime : function or None
        Of strategies for fields of a problem, by name: a Hypothesis strategy of problems inside the regime.
    figures : mapping
        From the names that ``reproduce`` knows to a :class:`Figure`.
    """

    name: str
    citation: str
    about: tuple[str, ...]
    statements: tuple[Statement, ...] = ()
    evidence: Callable[..., Any] = Evidence
    constants: type[Constants] = Constants
    laws: Mapping[str, LawOf] = field(default_factory=dict)
    plain_laws: bool = False
    setting: Callable[[Any], str] = no_setting
    unlike: Callable[[Any], str] = no_setting
    regime: Callable[[Mapping[str, Any]], Any] | None = None
    figures: Mapping[str, Figure] = field(default_factory=dict)

    def __post_init__(self) -> None:
        validate.instance("name", self.name, (str,))
        if not re.fullmatch(r"\w+", self.name):
            raise ValueError(f"name={self.name!r}: must be letters, digits and underscores")
        validate.instance("citation", self.citation, (str,))
        _all("about", self.about, str)
        _all("statements", self.statements, Statement)
        ids = [one.id for one in self.statements]
        for one in ids:
            if ids.count(one) > 1:
                raise ValueError(f"statements: the id {one!r} occurs {ids.count(one)} times")
        if not (isinstance(self.constants, type) and issubclass(self.constants, Constants)):
            raise TypeError(f"constants={self.constants!r}: must be the type Constants or a subclass of it")
        for name, function in (("evidence", self.evidence), ("setting", self.setting), ("unlike", self.unlike),
                               ("regime", self.regime)):
            if function is not None or name != "regime":
                validate.function(name, function)
        _mapping("laws", self.laws, lambda one: isinstance(one, Law) or callable(one), "a Law, or a function to one")
        _mapping("figures", self.figures, lambda one: isinstance(one, Figure), "a Figure")

    def __repr__(self) -> str:
        return f"<Paper {self.name}: {len(self.statements)} statements about {', '.join(self.about)}>"

    def _rows_shown(self) -> dict[str, Any]:
        return {"name": self.name, "citation": self.citation, "systems": ", ".join(self.about),
                "statements": len(self.statements), "laws": ", ".join(self.laws), "figures": ", ".join(self.figures)}

    def statements_about(self, run: Any) -> tuple[Statement, ...]:
        """Those that speak of a run; of one unlike the paper's only those about problem and draw."""
        whole = not self.unlike(run)
        return tuple(one for one in self.statements if (whole or one.about_draw) and one.applies(run))

    def constants_from(self, given: Mapping[str, Any]) -> Constants:
        """Those of some numbers that the paper knows, the others at its defaults."""
        return self.constants(**{name: given[name] for name in self.constants.names() if name in given})


def _all(name: str, values: Any, kind: type) -> None:
    if not isinstance(values, tuple):
        raise TypeError(f"{name}={values!r}: must be a tuple, not {type(values).__name__}")
    for place, value in enumerate(values):
        validate.instance(f"{name}[{place}]", value, (kind,))


def _mapping(name: str, values: Any, fits: Callable[[Any], bool], kind: str) -> None:
    validate.instance(name, values, (Mapping,))
    for key, value in values.items():
        if not isinstance(key, str) or not fits(value):
            raise TypeError(f"{name}[{key!r}]={value!r}: must be {kind} under a name")


# --- the registry ----------------------------------------------------------------------------------------------

_REGISTERED: dict[str, Paper] = {}


def register_paper(paper: Paper) -> None:
    """Make a paper known to ``check``, ``scaling``, ``sweep``, ``reproduce`` and the strategies, until Python ends.

    A paper of the same name that was registered before is replaced, so that a cell of a notebook can be run again.

    Raises
    ------
    TypeError, ValueError
        For what is no :class:`Paper`, or one with the name of an installed paper or with a figure of another's name.
    """
    validate.instance("paper", paper, (Paper,))
    if paper.name in _installed():
        raise ValueError(f"paper.name={paper.name!r}: is the name of an installed paper; must be another")
    for other in papers().values():
        for figure in paper.figures:
            if other.name != paper.name and figure in other.figures:
                raise ValueError(f"paper.figures: {figure!r} is the name of a figure of {other.name}; must be another")
    _REGISTERED[paper.name] = paper


def papers() -> dict[str, Paper]:
    """All papers that there are by name, in alphabetical order; those that cannot be loaded are left out."""
    loaded = {name: _loaded(name) for name in _installed()} | _REGISTERED
    return {name: one for name, one in sorted(loaded.items()) if isinstance(one, Paper)}


def registered_papers() -> dict[str, Paper]:
    """Those that :func:`register_paper` made known, which another process does not know."""
    return dict(_REGISTERED)


def paper_named(name: str) -> Paper:
    """The paper of a name.

    Raises
    ------
    ValueError
        When there is none; names those that there are.
    ImportError
        When there is one that cannot be loaded, with the reason.
    """
    known = tuple(sorted({*_installed(), *_REGISTERED}))
    if not known:
        raise ValueError(f"paper={name!r}: no paper is installed; install the package, with pip, to have its own")
    validate.choice("paper", name, known)
    found = _REGISTERED[name] if name in _REGISTERED else _loaded(name)
    if isinstance(found, Exception):
        raise ImportError(f"paper={name!r}: cannot be loaded: {type(found).__name__}: {found}") from found
    return found


def papers_about(run: Any) -> list[Paper]:
    """The papers that speak of such runs, in alphabetical order; none for what is not a run."""
    return papers_of(system_name(run))


def papers_of(system: str) -> list[Paper]:
    """The papers that speak of runs of a system, in alphabetical order."""
    return [one for one in papers().values() if system in one.about]


def system_name(run: Any) -> str:
    """The name of a run's system; "" for what is not a run."""
    try:
        return str(system_of(run).name)
    except (TypeError, ValueError):
        return ""


class Choice(NamedTuple):
    """The paper that is meant where none is named, and why."""

    paper: Paper
    why: str


def default_paper(run: Any) -> Choice:
    """The first paper whose setting the run has; where none claims it, the first with a statement about it, if any.

    Raises
    ------
    ValueError
        When no paper speaks of such runs.
    """
    about = papers_about(run)
    if not about:
        raise ValueError(f"run: no paper speaks of a {type(run).__name__}; there are {', '.join(papers())}")
    reasons = {one: "" if one.unlike(run) else one.setting(run) for one in about}
    speaking = next((one for one in about if one.statements_about(run)), about[0])
    chosen = next((one for one in about if reasons[one]), speaking)
    why = reasons[chosen] or f"no paper has this setting, and {chosen.name} is the first about such runs"
    others = [one.name for one in about if one is not chosen and one.statements_about(run)]
    return Choice(chosen, f"{why}; {', '.join(others)} also about such runs" if others else why)


def constants_of(known: Sequence[Paper], given: Mapping[str, Any]) -> dict[str, Constants]:
    """For each of some papers the constants that it knows, by its name.

    Raises
    ------
    TypeError, ValueError
        For a name that none of them knows, and for impossible values.
    """
    kinds: list[type[Constants]] = [Constants, *(one.constants for one in known)]
    allowed = list(dict.fromkeys(name for kind in kinds for name in kind.names()))
    for name, value in given.items():
        if name not in allowed:
            raise TypeError(f"{name}={value!r}: no such constant; there are {', '.join(allowed)}"
                            f"{validate.nearest(name, allowed)}")
    Constants(**{name: value for name, value in given.items() if name in Constants.names()})
    return {one.name: one.constants_from(given) for one in known}


def laws_of(system: str, algorithm: Any) -> dict[str, tuple[Paper, Law]]:
    """The laws for runs of a system under an algorithm, by the names that ``scaling`` knows, the shortest first."""
    known = papers_of(system)
    plain = {key: (one, key) for one in reversed(known) if one.plain_laws for key in one.laws}
    full = {f"{one.name}.{key}": (one, key) for one in known for key in one.laws}
    return {name: (one, law_for(one.laws[key], algorithm)) for name, (one, key) in (plain | full).items()}


def statement_named(name: str) -> list[tuple[Paper, Statement]]:
    """The statements with an id, and the papers that have it."""
    return [(paper, one) for paper in papers().values() for one in paper.statements if one.id == name]


def paper_of(statement: Statement, run: Any) -> Paper | None:
    """The paper about such runs that has a statement of this id, of whose evidence it is a function; None for others.

    What is none of a paper's is a function of plain :class:`~theorysim.theory.statement.Evidence`.
    """
    about = papers_about(run)
    return next((paper for paper, _ in statement_named(statement.id) if paper in about), None)


# --- installed papers ------------------------------------------------------------------------------------------


@cache
def _installed() -> dict[str, tuple[metadata.EntryPoint, ...]]:
    """Entry points by name; of a name that this package has it is this package's, and else there should be one."""
    found: dict[str, list[metadata.EntryPoint]] = {}
    for one in metadata.entry_points(group=GROUP):
        same = found.setdefault(one.name, [])
        if one.value not in [other.value for other in same]:
            same.append(one)
    own = {name: [one for one in same if _package(one) == HOME] for name, same in found.items()}
    return {name: tuple(own[name] or same) for name, same in found.items()}


def _package(point: metadata.EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.module.partition(".")[0]


@cache
def _loaded(name: str) -> Paper | Exception:
    """An installed paper, or why there is none; whatever a package raises is the reason."""
    points = _installed()[name]
    try:
        if len(points) > 1:
            raise ValueError(f"the packages {', '.join(sorted(map(_package, points)))} all bring a paper of this name")
        found: Paper = points[0].load()
        validate.instance(points[0].value, found, (Paper,))
        if found.name != name:
            raise ValueError(f"{points[0].value} has the name {found.name!r}, and is installed as {name!r}")
    except Exception as error:
        return error
    return found
