"""The public strategies: problems in a paper's regime, draws with its good events, and no Hypothesis unless asked."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

import theorysim as ts
from theorysim import strategies as ours
from theorysim.theory import concentration
from theorysim.papers.huang2025 import assumption_3_1
from theorysim.papers.huang2025 import hypotheses
from theorysim.theory.statement import Constants

INSIDE = ours.problems(inside="huang2025", m=st.integers(2, 4), n=st.integers(1, 6))


@given(st.data())
def test_problems_inside_meet_the_assumption(data: st.DataObject) -> None:
    """Every item of Assumption 3.1 but the lower end of p, with a learning rate made for it, and the model."""
    problem = data.draw(INSIDE)
    algorithm = data.draw(ours.algorithms(small_for=problem, label_noise=st.none() | st.builds(ts.Flip, st.just(0.1))))
    assert all(one.holds for one in assumption_3_1(problem, algorithm) if not one.formula.startswith("p ≥"))
    assert (problem.q, problem.flip_rates, problem.orthogonal_noise) == (2, (0, 0), True)


def test_given_fields_are_kept_or_refused() -> None:
    """A field given stays; one that leaves no problem is unsatisfiable; an unknown paper or field is named."""
    assert find(ours.problems(inside="huang2025", n=3, d=10**6, noise_std=0.5), lambda _: True).d == 10**6
    for impossible in ({"n": 10, "d": 100}, {"q": 3}, {"signal_norm": 1e6}):
        with pytest.raises(Unsatisfiable):
            find(ours.problems(inside="huang2025", **impossible), lambda _: True, settings=settings(max_examples=20))
    with pytest.raises(ValueError, match="inside='huang2026': must be one of"):
        ours.problems(inside="huang2026")
    with pytest.raises(TypeError, match="width: not a field"):
        ours.problems(width=3)


@given(st.data())
def test_good_draws_are_good(data: st.DataObject) -> None:
    """All measured events hold, on draws that a run accepts and whose labels and shapes are the problem's."""
    problem = data.draw(INSIDE)
    draw = data.draw(ours.good_draws(problem, delta=0.1))
    evidence = ours.evidence_of(problem, draw, Constants(delta=0.1))
    assert all(one.holds for one in (*concentration.good_events(evidence), *hypotheses.model(evidence)))
    assert (draw.n, draw.m) == (problem.n, problem.m)
    np.testing.assert_allclose(draw.gram, draw.vectors @ draw.vectors.T, rtol=0, atol=1e-12 * draw.gram.max())


@pytest.mark.parametrize("event", [
    "noise_norm.lower", "noise_norm.upper", "initial_signal.upper",
    "initial_noise.upper", "initial_signal.lower", "initial_noise.lower",
])
def test_good_draws_go_to_the_edges(event: str) -> None:
    """For each event some draw is at the end of what it allows."""
    problem = ts.SignalNoise(n=2, d=10**4, m=3, signal_norm=0.1, noise_std=1.0, init_std=0.005)
    statement = next(one for one in concentration.STATEMENTS if one.id == f"concentration.{event}")

    def at_the_edge(draw: ts.Draw) -> bool:
        evidence = ours.evidence_of(problem, draw, Constants())
        steps = statement.window(evidence)
        ratio = statement.measured(evidence, steps) / statement.predicted(evidence, steps)
        return bool(abs(ratio - 1) < 1e-9)

    find(ours.good_draws(problem), at_the_edge, settings=settings(max_examples=200, derandomize=True))


def test_hypothesis_is_optional() -> None:
    """The package does not import it, and the strategies say what to install."""
    code = (
        "import sys, theorysim, theorysim.check\n"
        "assert 'hypothesis' not in sys.modules\n"
        "sys.modules['hypothesis'] = None\n"
        "try:\n    import theorysim.strategies\nexcept ImportError as error:\n    sys.stdout.write(str(error))\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "pip install hypothesis" in said


@pytest.mark.parametrize("system", ["patch", "mean_field", "linear", "oscillation", "reweighting", "attention"])
def test_settings_of_every_system(system: str) -> None:
    """Are valid; a run has its columns at the steps observed, and one that goes on is the longer run."""
    @given(ours.settings(system), st.integers(0, 30), st.integers(1, 10), ours.seeds())
    def check(setting: tuple[Any, Any], steps: int, more: int, seed: int) -> None:
        with np.errstate(all="ignore"):
            run = ts.simulate(*setting, steps, seed, on_failure="return")
            for name in run.observables:
                assert run.column(name).shape == run.steps_observed.shape
            assert run.steps_recorded[0] == 0 and run.steps_recorded[-1] == run.steps == run.steps_observed[-1]
            if run.status == "diverged":
                assert run.stopped_at == run.steps + 1
                return
            longer = ts.simulate(*setting, steps + more, seed, on_failure="return")
            resumed = ts.resume(run, more, on_failure="return")
        assert (resumed.status, resumed.steps) == (longer.status, longer.steps)
        last = [one.observables.iloc[-1].to_numpy() for one in (resumed, longer)]
        np.testing.assert_array_equal(*last)

    check()


def test_settings_of_no_system() -> None:
    """Are refused by name; of any system they are of some."""
    with pytest.raises(ValueError, match="system='cubic': must be one of 'patch'"):
        ours.settings("cubic")
    assert ours.settings().validate() is None
