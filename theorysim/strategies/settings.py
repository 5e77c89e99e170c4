"""Strategies of settings and runs of any system, and of problems inside a paper's regime."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from theorysim.core import validate
from theorysim.core.run import Run
from theorysim.core.strategies import seeds
from theorysim.patch.problem import SignalNoise
from theorysim.patch.strategies import given, problems as any_problems
from theorysim.systems import SYSTEMS, simulate, system_named
from theorysim.theory.paper import papers


def problems(inside: str | None = None, **fields: Any) -> SearchStrategy[SignalNoise]:
    """Valid :class:`SignalNoise` problems over all fields; any may be given as a value or a strategy of its own.

    With ``inside`` the name of a paper that has a regime, problems inside of it. For "huang2025" all that Assumption
    3.1 (constants 1) asks of a problem holds: q = 2, orthogonal noise, true labels, Gaussian weights without bias,
    d ≥ n⁴ at least (there is no σ_0 otherwise), a weak signal and a small initialisation. What it asks of p needs
    mn ≥ log² d as well. Fields given that leave no such problem are unsatisfiable.
    """
    if inside is None:
        return any_problems(**fields)
    regimes = {name: paper.regime for name, paper in papers().items() if paper.regime is not None}
    found: SearchStrategy[SignalNoise] = regimes[validate.choice("inside", inside, regimes)](given(fields))
    return found


def settings(system: str | None = None) -> SearchStrategy[tuple[Any, Any]]:
    """Problems with algorithms for them, small and valid, of one system or of any that has strategies.

    Raises
    ------
    ValueError
        For the name of a system that there is not, or that has no strategies.
    """
    chosen = SYSTEMS if system is None else [system_named(system)]
    known = [one.strategies() for one in chosen if one.strategies is not None]
    if not known:
        raise ValueError(f"system={system!r}: has no strategies")
    return st.one_of(known)


def runs(system: str | None = None, max_steps: int = 40) -> SearchStrategy[Run]:
    """Runs of such settings; those that diverge are among them."""
    return st.builds(
        lambda setting, steps, seed: simulate(*setting, steps, seed, on_failure="return"),
        settings(system), st.integers(0, max_steps), seeds(),
    )
