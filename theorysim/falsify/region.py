"""Where counterexamples are looked for: settings as a Hypothesis strategy, and what of them may be moved by itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from theorysim import strategies as ours
from theorysim.core import validate
from theorysim.check.show import is_assumption
from theorysim.falsify.claim import OWN, Claim
from theorysim.falsify.setting import Recipe, Setting
from theorysim.systems import SYSTEMS, system_of
from theorysim.systems.verbs import MOST_STEPS
from theorysim.theory.paper import paper_named
from theorysim.theory.statement import no_conditions

MOST = 4000  # steps that are tried by default
PARTS = ("problems", "algorithms", "steps", "draws")
Choice = Callable[[Any], SearchStrategy[Any]]  # of a problem


@dataclass(frozen=True, eq=False)
class Region:
    """Where to look.

    Attributes
    ----------
    settings : strategy of Setting
    strict : bool
        Some part is a strategy of the caller's, outside of which nothing may be looked at.
    problems, algorithms, steps : bool
        Which of these may be moved by themselves.
    assumption : Claim or None
        The items of the assumption that the caller wants to be inside of.
    """

    settings: SearchStrategy[Setting]
    strict: bool
    problems: bool
    algorithms: bool
    steps: bool
    assumption: Claim | None = None


def region_of(claim: Claim, inside: Any, algorithm: Any, steps: Any) -> Region:
    """The region that ``inside``, ``algorithm`` and ``steps`` of :func:`theorysim.falsify` name.

    Raises
    ------
    TypeError, ValueError
        Naming the argument.
    """
    given: dict[str, Any] = {"algorithms": algorithm, "steps": steps}
    if isinstance(inside, Mapping):
        for name, value in inside.items():
            validate.choice("inside", name, PARTS)
            if given.get(name) is not None:
                raise ValueError(f"{name}: give them in inside= or as an argument, not both")
            given[name] = value
        inside = given.pop("problems", None)
    draws = given.pop("draws", None)
    if draws is not None:
        validate.function("draws", draws)
    own = [one for one in (inside, *given.values()) if isinstance(one, SearchStrategy) or _function(one)]
    settings = _problems(claim, inside, given["algorithms"]).flatmap(
        partial(_setting, _steps(given["steps"]), _recipes(claim, draws)))
    region = Region(settings, bool(own), inside is None or isinstance(inside, str),
                    given["algorithms"] is None, given["steps"] is None)
    return replace(region, assumption=_assumption(inside, claim)) if isinstance(inside, str) else region


def _function(value: Any) -> bool:
    return callable(value) and not isinstance(value, SearchStrategy)


def _problems(claim: Claim, inside: Any, algorithm: Any) -> SearchStrategy[tuple[Any, Any]]:
    """Problems with algorithms for them."""
    algorithms = _algorithms(algorithm)

    def beside(problem: Any) -> SearchStrategy[tuple[Any, Any]]:
        found = algorithms(problem) if algorithms else ours.algorithms_for(problem, system_of(problem).name)
        return st.tuples(st.just(problem), found)

    if inside is None:
        anything = st.one_of([ours.trainings(name, claim.paper.name != OWN) for name in _systems(claim, algorithm)])
        return anything.flatmap(lambda pair: beside(pair[0])) if algorithms else anything
    if isinstance(inside, str):
        return ours.problems(inside=inside).flatmap(beside)
    if isinstance(inside, SearchStrategy):
        return inside.flatmap(beside)
    if not isinstance(inside, tuple(kind for one in SYSTEMS for kind in one.problems)):
        raise TypeError(f"inside={inside!r}: must be the name of a paper, a problem, a Hypothesis strategy of "
                        f"problems, or a mapping with some of {', '.join(PARTS)}, not {type(inside).__name__}")
    return beside(inside)


def _systems(claim: Claim, algorithm: Any) -> list[str]:
    """Of which systems anything is tried: those that the paper is about, and for one's own claim the algorithm's."""
    named = [one for one in SYSTEMS if one.name in claim.paper.about and one.strategies is not None]
    fitting = [one.name for one in named if isinstance(algorithm, one.algorithms)] or [one.name for one in named]
    return fitting if claim.paper.name != OWN else fitting[:1]


def _algorithms(given: Any) -> Choice | None:
    """The algorithms of a problem; None for the usual ones."""
    if given is None:
        return None
    if _function(given):
        return lambda problem: ours.as_strategy(given(problem))
    if not isinstance(given, SearchStrategy):
        validate.instance("algorithm", given, tuple(kind for one in SYSTEMS for kind in one.algorithms))
    return lambda _problem: ours.as_strategy(given)


def _steps(given: Any) -> Choice:
    """The numbers of steps of a problem: evenly in the logarithm, unless given."""
    if given is None:
        return lambda _problem: ours.scales(0, 3.602).map(lambda steps: min(round(steps), MOST))
    if _function(given):
        return lambda problem: ours.as_strategy(given(problem))
    if isinstance(given, SearchStrategy):
        return lambda _problem: given
    whole = validate.integer("steps", given, 0, MOST_STEPS)
    return lambda _problem: st.just(whole)


def _recipes(claim: Claim, draws: Recipe | None) -> Choice:
    """How draws are made: as given, or at the ends of good events where the claim's assumptions say which it is about.

    A claim about draws, and one that assumes nothing, is about those of the problem's law.
    """
    if draws is not None:
        return lambda _problem: st.just(draws)
    if claim.statement.over_draws or claim.statement.conditions is no_conditions:
        return lambda _problem: st.none()
    return lambda problem: ours.recipes_for(problem, claim.constants.delta)


def _setting(steps: Choice, recipes: Choice, pair: tuple[Any, Any]) -> SearchStrategy[Setting]:
    problem, algorithm = pair
    return st.builds(Setting, st.just(problem), st.just(algorithm), steps(problem), ours.seeds(), recipes(problem))


def _assumption(name: str, claim: Claim) -> Claim | None:
    """What a paper asks of the problem, as its own statements say it."""
    paper = paper_named(name)
    items = tuple(one for one in paper.statements if is_assumption(one.id) and one.about_draw)
    constants = paper.constants_from(claim.given)
    return Claim(replace(paper, statements=items), constants, claim.given) if items else None
