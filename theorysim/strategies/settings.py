"""Strategies of settings and runs of any system, and of problems inside a paper's regime."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from theorysim.core import validate
from theorysim.core.run import Run
from theorysim.core.strategies import scales, seeds
from theorysim.linear.problem import LinearNetwork
from theorysim.linear.strategies import algorithms as linear_algorithms
from theorysim.patch.algorithm import Flip, GradientDescent
from theorysim.patch.problem import SignalNoise
from theorysim.patch.strategies import (
    given, label_noises, largest_multiplier, largest_small_lr, largest_stable_lr, problems as any_problems,
    stable_algorithms,
)
from theorysim.strategies.data import EDGES, Edges
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
    def run(setting: tuple[Any, Any], steps: int, seed: int) -> Run:
        problem, algorithm = setting
        made: Run = simulate(problem, algorithm, steps, seed, on_failure="return")
        return made

    return st.builds(run, settings(system), st.integers(0, max_steps), seeds())


def algorithms_for(problem: Any, system: str) -> SearchStrategy[Any]:
    """Algorithms of a system under which a problem trains: of the patch network at learning rates up to stability.

    Half of those for a SignalNoise have ησ_p²d ≤ 1 as well, as papers ask; a third trains without label noise, a third
    under flips of at most half of the labels, a third under any law. For systems whose algorithms do not go by the
    problem they are those of :func:`settings`.
    """
    if isinstance(problem, SignalNoise):
        law = st.none() | st.builds(Flip, st.floats(0, 0.5)) | label_noises()

        def small(speed: float, law: Any) -> GradientDescent:
            rates = largest_small_lr(problem), largest_stable_lr(problem, largest_multiplier(law))
            return GradientDescent(speed * min(rates), law)

        slow = st.builds(small, scales(-0.5, 0) | scales(-2, 0), law)
        return slow | stable_algorithms(problem, label_noise=law)
    if isinstance(problem, LinearNetwork) and system == "linear":
        return linear_algorithms(problem)
    return settings(system).map(lambda setting: setting[1])


def recipes_for(problem: Any, delta: float) -> SearchStrategy[Edges | None]:
    """How draws of a problem are made: as usual, or with lengths at the ends that good events allow (half of them).

    The latter only of problems that the events are about.
    """
    if not (isinstance(problem, SignalNoise) and problem.orthogonal_noise and problem.init_law == "normal"
            and not problem.bias and problem.init_std and problem.signal_norm):
        return st.none()
    edges = st.sampled_from(EDGES)
    return st.none() | st.builds(Edges, edges, edges, edges, st.just(delta))


def trainings(system: str, laws: bool = True) -> SearchStrategy[tuple[Any, Any]]:
    """Problems of a system with :func:`algorithms_for` them.

    Of the patch network one in four is a PatchModel, the others a SignalNoise; without ``laws`` all are.
    """
    every = settings(system).flatmap(
        lambda setting: st.tuples(st.just(setting[0]), algorithms_for(setting[0], system)))
    if system != "patch":
        return every
    plain = any_problems().flatmap(lambda problem: st.tuples(st.just(problem), algorithms_for(problem, system)))
    return st.one_of(plain, plain, plain, every) if laws else plain
