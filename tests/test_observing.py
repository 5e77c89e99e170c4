"""Observables of one's own: when they are called, what they see, what they cannot do; and thinned tables."""

import dataclasses
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from all_systems import (
    CASES, FLIPS, ONE_EACH, SIGNAL, STEPS, Case, assert_same, assert_same_run, control_c, every_case, images,
    kept_arrays, one_case_each, one_step_chunks,
)

import theorysim as ts
from theorysim.check import Verdict, evaluate
from theorysim.theory.statement import Evidence, Sense, Statement

COLUMN = {"patch": "train_loss", "mean_field": "train_loss", "linear": "test_loss", "oscillation": "mean_norm_sq",
          "reweighting": "output_max", "attention": "train_loss"}


class Counter:
    """A function of the state that remembers at which steps it was called."""

    def __init__(self, of: Callable[[Any], Any] = lambda view: view.step) -> None:
        self.of, self.steps, self.seen = of, list[int](), list[Any]()

    def __call__(self, view: Any) -> float:
        self.steps.append(view.step)
        self.seen.append(self.of(view))
        return float(view.step)


def capture(case: Case, of: Callable[[Any], Any], **keywords: Any) -> tuple[Any, list[Any]]:
    """A run, and what a function saw at its records."""
    counter = Counter(of)
    run = case.simulate(**{"record_every": 7} | keywords, observe={"mine": counter})
    assert counter.steps == run.steps_recorded.tolist()
    return run, counter.seen


# --- when they are called -----------------------------------------------------------------------------------------

@every_case
def test_called_at_the_records(case: Case) -> None:
    """Once at each, in order, and nowhere else; by default, evenly spaced, and listed one by one."""
    for records in ({}, {"record_every": 9}, {"record_at": [3, 17]}, {"record_at": []}):
        counter = Counter()
        run = case.simulate(**records, observe={"mine": counter})
        assert counter.steps == run.steps_recorded.tolist()
        values = run.column("mine")
        assert values[np.isin(run.steps_observed, counter.steps)].tolist() == counter.steps
        assert np.isnan(values[~np.isin(run.steps_observed, counter.steps)]).all()


@every_case
def test_called_every_so_many_steps(case: Case) -> None:
    """Recorded or not; the columns have a value at these steps and NaN elsewhere."""
    for every in (1, 4, 13, 1000):
        counter = Counter()
        run = case.simulate(record_every=10, observe={"mine": counter}, observe_every=every)
        assert counter.steps == list(range(0, case.steps + 1, every))
        due = run.steps_observed % every == 0
        assert due.sum() == len(counter.steps)
        assert run.column("mine")[due].tolist() == counter.steps and np.isnan(run.column("mine")[~due]).all()
        assert run.observables["mine"].dropna().to_dict() == {step: float(step) for step in counter.steps}


@one_case_each
def test_the_last_record_of_a_run_that_ends_early_is_looked_at(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped, interrupted or diverged."""
    counter = Counter()
    run = case.simulate(record_every=10, observe={"mine": counter}, until=lambda seen: seen["step"] >= 33)
    assert counter.steps == run.steps_recorded.tolist() and run.column("mine")[-1] == run.steps >= 33
    one_step_chunks(monkeypatch)
    counter = Counter()
    with control_c(monkeypatch, 27):
        run = case.simulate(record_every=10, observe={"mine": counter})
    assert counter.steps == run.steps_recorded.tolist() == [0, 10, 20, 27] and run.column("mine")[-1] == 27


def test_the_last_record_of_a_run_that_diverges_is_looked_at() -> None:
    """It is the last finite one."""
    counter = Counter()
    case = Case(SIGNAL.replace(q=4), ts.GradientDescent(200.0), steps=500)
    run = case.simulate(record_every=3, observe={"mine": counter}, on_failure="return")
    assert run.status == "diverged" and counter.steps == run.steps_recorded.tolist()


@one_case_each
def test_several_are_called_together(case: Case) -> None:
    """In the order given, with the same state; their columns come after those of the system."""
    views: list[Any] = []

    def first(view: Any) -> float:
        views.append(view)
        return 1.0

    def second(view: Any) -> bool:
        assert views[-1] is view
        return view.step > 5

    run = case.simulate(record_every=10, observe={"first": first, "second": second})
    assert list(run.own) == ["first", "second"] and list(run.observables)[-2:] == ["first", "second"]
    assert len(views) == len(run.steps_recorded)
    looked = np.isin(run.steps_observed, run.steps_recorded)
    assert run.column("second")[looked].tolist() == (run.steps_recorded > 5).astype(float).tolist()
    assert run.column("second").dtype == np.float64


@pytest.mark.parametrize("value", [np.float32(2.5), np.array(2.5), np.int64(2), True, np.True_, 3, np.nan, np.inf])
def test_numbers_of_any_kind(value: Any) -> None:
    """Become floats; NaN and infinity too."""
    run = CASES["linear, width-free"].simulate(3, record_every=1, observe={"mine": lambda view: value})
    np.testing.assert_array_equal(run.column("mine"), np.full(4, float(value)))


# --- what they see ------------------------------------------------------------------------------------------------

PATCH = [name for name in CASES if name.startswith("patch")]
LINEAR = [name for name in CASES if name.startswith("linear")]
REWEIGHTING = [name for name in CASES if name.startswith("reweighting")]


@pytest.mark.parametrize("name", PATCH)
def test_coefficients_of_the_patch_network(name: str) -> None:
    """γ, ρ and b are those of the records, bit for bit; inner products and outputs up to rounding."""
    case = CASES[name]
    run, seen = capture(case, lambda view: (
        view.gamma, view.rho, view.coefficients, view.z_signal, view.z_noise, view.outputs, view.outputs_positive,
        view.outputs_negative))
    for step, found in zip(run.steps_recorded.tolist(), seen, strict=True):
        at = run.record(step)
        np.testing.assert_array_equal(found[0], run.gamma[at])
        np.testing.assert_array_equal(found[1], run.rho[at])
        np.testing.assert_array_equal(found[2], run.coefficients[at])
        wanted = (run.signal_products()[at], run.noise_products()[at], run.outputs(step), run.outputs(step, 1),
                  run.outputs(step, -1))
        tolerance = 2e-4 if run.precision == "single" else 1e-9
        for one, other in zip(found[3:], wanted, strict=True):
            assert one.shape == other.shape
            np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)
    assert np.ptp([one[1] for one in seen], axis=0).max() > 0


@pytest.mark.parametrize("name", [name for name in PATCH if CASES[name].simulate(0).draw.form == "vectors"])
def test_weights_of_the_patch_network(name: str) -> None:
    """Those that reconstruct() finds at the same step, and products with them are those seen."""
    run, seen = capture(CASES[name], lambda view: (view.weights, view.z, view.draw.vectors))
    for step, (weights, inner, vectors) in zip(run.steps_recorded.tolist(), seen, strict=True):
        wanted = ts.reconstruct(run, step)
        tolerance = 2e-4 if run.precision == "single" else 1e-12
        np.testing.assert_allclose(weights, wanted.reshape(weights.shape), rtol=0, atol=tolerance)
        np.testing.assert_allclose(inner, weights @ vectors.T, rtol=1e-3, atol=max(1e-9, tolerance))


def test_outputs_belong_to_true_labels() -> None:
    """Not to observed ones: the two classes are together all samples."""
    case = CASES["patch, flips"]
    run, seen = capture(case, lambda view: (view.outputs, view.outputs_positive, view.outputs_negative))
    assert run.draw.noisy.any()
    for outputs, positive, negative in seen:
        np.testing.assert_array_equal(outputs[run.draw.labels > 0], positive)
        np.testing.assert_array_equal(outputs[run.draw.labels < 0], negative)
        assert positive.size and negative.size


@pytest.mark.parametrize("name", LINEAR)
def test_states_of_linear_networks(name: str) -> None:
    """The factor of the records bit for bit, and what follows from it."""
    run, seen = capture(CASES[name], lambda view: (
        view.factor, view.neurons, view.second_moment, view.error, view.mean_norm_sq, view.first_layer,
        view.second_layer))
    rows = np.isin(run.steps_observed, run.steps_recorded)
    for at, (factor, neurons, moment, error, size, first, second) in enumerate(seen):
        np.testing.assert_array_equal(factor, run.states[at])
        np.testing.assert_array_equal(np.column_stack([first, second]), run.states[at])
        np.testing.assert_allclose(neurons, run.neurons[at], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(moment, run.second_moments[at], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(error @ error / 2, run.column("test_loss")[rows][at], rtol=1e-9)
        assert size == run.column("mean_norm_sq")[rows][at]
    if run.engine == "explicit":
        np.testing.assert_array_equal(seen[-1][1], seen[-1][0])


@pytest.mark.parametrize("name", ["oscillation, expectation", "oscillation, chains"])
def test_states_of_the_oscillating_layer(name: str) -> None:
    """Norms of the records, the last state, and one of moments and weights."""
    run, seen = capture(CASES[name], lambda view: (view.norms, view.moments, view.weights, view.mean_norm_sq))
    np.testing.assert_array_equal([one[0] for one in seen], run.norms)
    np.testing.assert_array_equal([one[3] for one in seen], run.column("mean_norm_sq"))
    chains = run.algorithm.chains > 0
    np.testing.assert_array_equal(seen[-1][2 if chains else 1], run.last)
    assert all(one[1 if chains else 2] is None for one in seen)


@pytest.mark.parametrize("name", REWEIGHTING)
def test_states_of_reweighting(name: str) -> None:
    """Outputs, weights and gradients are those of the records, bit for bit."""
    names = ("outputs", "clean_outputs", "test_outputs", "weights", "gradient", "coefficients", "network")
    run, seen = capture(CASES[name], lambda view: [np.copy(getattr(view, one)) if one != "network" else view.network
                                                   for one in names])
    for at, found in enumerate(seen):
        for one, value in zip(names[:5], found[:5], strict=True):
            np.testing.assert_array_equal(value, getattr(run, "gradients" if one == "gradient" else one)[at], one)
        if run.coefficients is not None:
            np.testing.assert_array_equal(found[5], run.coefficients[at])
        assert (found[6] is None) == (run.network is None)
    if run.network is not None:
        assert_same(tuple(map(np.array, seen[-1][6])), tuple(map(np.array, run.network)))


@every_case
def test_what_was_given_is_there(case: Case) -> None:
    """The view knows the draw, and its step."""
    run, seen = capture(case, lambda view: (view.draw, view.step))
    assert all(draw is run.draw for draw, _ in seen) and [step for _, step in seen] == run.steps_recorded.tolist()


# --- what they cannot do ------------------------------------------------------------------------------------------

@every_case
def test_looking_changes_nothing(case: Case) -> None:
    """Records, final state and rows are those of a run that nobody looks at, whenever it is looked at."""
    alone = case.simulate(record_every=10)
    looked = case.simulate(record_every=10, observe=case.own())
    assert_same(looked.replace(own={}, timings={}, **_spacing(looked)), alone.replace(timings={}, **_spacing(alone)))
    for every in (1, 3, 7):
        looked = case.simulate(record_every=10, observe=case.own(), observe_every=every)
        assert_same(kept_arrays(looked), kept_arrays(alone))
        times = looked.stage_times().to_dict()
        known = [name for name in times if case.system != "linear" or name.startswith("T1")]  # others: of all rows
        assert known and [times[name] for name in known] == pytest.approx(
            [alone.stage_times()[name] for name in known], rel=0, abs=0, nan_ok=True)
        common = np.isin(looked.steps_observed, alone.steps_observed)
        assert common.sum() == len(alone.steps_observed)
        for name in alone.table:
            assert looked.column(name)[common].tobytes() == np.ascontiguousarray(alone.column(name)).tobytes(), name


def _spacing(run: Any) -> dict[str, Any]:
    return {"observe_every": None} if hasattr(run, "observe_every") else {}


@every_case
def test_rows_at_looks_are_those_of_records(case: Case) -> None:
    """A step that is only looked at has the observables that it has where it is recorded."""
    looked = case.simulate(record_every=50, observe=case.own(), observe_every=9)
    recorded = case.simulate(record_at=range(0, case.steps, 9))
    for step in range(0, case.steps, 9):
        one, other = (np.flatnonzero(run.steps_observed == step)[0] for run in (looked, recorded))
        for name in looked.table:
            np.testing.assert_allclose(looked.column(name)[one], recorded.column(name)[other], rtol=1e-12, atol=1e-300)


def arrays_within(value: Any, deep: int = 3) -> list[Any]:
    """Every array that is reached from a value through public names."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, tuple | list):
        return [array for one in value for array in arrays_within(one, deep)]
    if deep == 0 or not type(value).__module__.startswith("theorysim"):
        return []
    names = [name for name in dir(value) if not name.startswith("_")]
    return [array for name in names for array in arrays_within(getattr(value, name), deep - 1)]


@every_case
def test_writing_into_the_view_leaves_the_run_unchanged(case: Case) -> None:
    """Arrays of the view, of its draw and of its problem are copies, or cannot be written to."""
    tried = [0, 0]

    def write(view: Any) -> float:
        for array in arrays_within(view):
            tried[0] += 1
            try:
                array[...] = 1 if array.dtype == bool else 3
            except ValueError:  # read-only
                continue
            tried[1] += 1
        return 0.0

    clean = case.simulate(record_every=9, observe={"mine": lambda view: 0.0}, observe_every=4)
    run = case.simulate(record_every=9, observe={"mine": write}, observe_every=4)
    assert tried[0] > 50 and (tried[1] or not case.system == "patch")
    assert_same_run(run, clean)
    kept = {"patch": ("gamma", "rho"), "mean_field": ("gamma", "rho"), "linear": ("neurons", "cosines")}
    for name in kept.get(case.system, ()):
        assert_same(getattr(run, name), getattr(clean, name), name)


@pytest.mark.parametrize("name", [name for name in ONE_EACH if name != "reweighting, linear"])
def test_what_is_kept_of_a_view_stays(name: str) -> None:
    """Arrays of the view are of their step for good. (A reweighting kernel's ask for a copy, as their page says.)"""
    case = CASES[name]
    names = {"patch": ("z", "coefficients", "margins"), "mean_field": ("memory", "signal", "margins"),
             "linear": ("factor",), "oscillation": ("norms",), "reweighting": ("weights",),
             "attention": ("query", "carried", "softmax")}[case.system]
    kept: list[Any] = []
    copies: list[Any] = []

    def keep(view: Any) -> float:
        kept.append([getattr(view, name) for name in names])
        copies.append([np.copy(getattr(view, name)) for name in names])
        return 0.0

    case.simulate(record_every=5, observe={"mine": keep})
    for one, other in zip(kept, copies, strict=True):
        for left, right in zip(one, other, strict=True):
            np.testing.assert_array_equal(left, right)


class Boom(Exception):
    """Of the user's own."""


@one_case_each
def test_exceptions_reach_the_user(case: Case) -> None:
    """As they are, and the next run is none the worse."""
    def fail(view: Any) -> float:
        if view.step >= 20:
            raise Boom("at 20")
        return 0.0

    alone = case.simulate(record_every=10)
    with pytest.raises(Boom, match="at 20"):
        case.simulate(record_every=10, observe={"mine": fail})
    assert_same(kept_arrays(case.simulate(record_every=10)), kept_arrays(alone))


# --- what they are good for ---------------------------------------------------------------------------------------

@one_case_each
@pytest.mark.parametrize("every", [1, 5, None])
def test_in_until(case: Case, every: int | None) -> None:
    """The run stops at the first look at which the condition holds; NaN in between stops nothing."""
    name, observe = next(iter(case.own().items()))
    every_look: dict[str, Any] = {"observe": {name: observe}, "record_every": 10, "observe_every": every}
    full = case.simulate(**every_look)
    values = full.column(name)
    known = np.flatnonzero(~np.isnan(values))
    places = [known[1], known[len(known) // 2], known[-1]]
    for place in places:
        level = values[place]
        rising = level >= values[0]
        hit = values >= level if rising else values <= level
        first = int(full.steps_observed[np.argmax(hit)])

        def until(seen: Any) -> Any:
            return seen[name] >= level if rising else seen[name] <= level

        run = case.simulate(**every_look, until=until)
        assert (run.status, run.steps, run.stopped_at) == ("stopped", first, first)
        assert run.column(name)[-1] == values[np.argmax(hit)]
    never = case.simulate(**every_look, until=lambda seen: seen[name] > 1e300)
    assert never.status == "completed"
    assert_same(kept_arrays(never), kept_arrays(full))


@one_case_each
def test_in_a_statement(case: Case) -> None:
    """Through Evidence.column, NaN where it was not called; such steps are left out of the verdict."""
    name = next(iter(case.own()))
    run = case.simulate(record_every=10, observe=case.own(), observe_every=20)
    evidence = Evidence(run)
    values = evidence.column(name, np.arange(STEPS + 1))
    assert np.flatnonzero(~np.isnan(values)).tolist() == list(range(0, STEPS + 1, 20))
    largest = float(np.nanmax(run.column(name)))

    def claim(bound: float) -> Statement:
        return Statement(id="mine.1", claim="it is bounded", formula="x ≤ c", source="this test", sense=Sense.UPPER,
                         measured=lambda e, steps: e.column(name, steps),
                         predicted=lambda e, steps: np.full(len(steps), bound),
                         window=lambda e: np.arange(e.run.steps + 1))

    assert evaluate(claim(largest + abs(largest) + 1), evidence).verdict == Verdict.HOLDS
    finding = evaluate(claim(largest - abs(largest) - 1), evidence)
    assert finding.verdict == Verdict.VIOLATED and finding.first_violation % 20 == 0
    with pytest.raises(ValueError, match="name='nothing'"):
        evidence.column("nothing", np.arange(3))


@one_case_each
def test_in_a_plot(case: Case) -> None:
    """A panel for each, with the values at the steps at which they were called."""
    run = case.simulate(record_every=10, observe=case.own(), observe_every=15)
    name = next(iter(case.own()))
    panel, = ts.plot.columns(run, names=[name])
    steps, values = panel.lines[0].get_data()
    assert list(steps) == list(range(0, case.steps + 1, 15))
    np.testing.assert_array_equal(values, run.column(name)[~np.isnan(run.column(name))])
    assert [axis.get_ylabel() for axis in ts.plot.columns(run)][-len(run.own):] == list(run.own)
    plt.close("all")


def _largest_product(run: Any) -> float:
    """⟨w, μ⟩ at the end."""
    return float(run.signal_products()[-1].max())


def _late_weight(run: Any) -> float:
    """A column, as a function of the run."""
    return float(run.column("mean_norm_sq")[-1])


def test_in_a_sweep() -> None:
    """Measures are functions of the run: the same quantities, the same numbers."""
    frame = ts.sweep(SIGNAL, grid={"lr": [0.1, 0.3]}, algorithms={"flips": FLIPS}, steps=40, seeds=2,
                     measure=[_largest_product, "train_loss"], workers=1)
    assert len(frame) == 4
    for _, row in frame.iterrows():
        seen: dict[int, float] = {}
        algorithm = dataclasses.replace(FLIPS, lr=row["lr"])

        def product(view: Any) -> float:
            seen[view.step] = float(view.z_signal.max())
            return seen[view.step]

        run = ts.simulate(SIGNAL, algorithm, 40, row["draw_seed"], observe={"product": product})
        assert row["_largest_product"] == _largest_product(run) == pytest.approx(seen[40], rel=1e-9)
        assert run.column("product")[-1] == seen[40]
    case = CASES["linear, width-free"]
    frame = ts.sweep(case.problem, grid={"width": [5, 9]}, algorithms={"a": case.algorithm}, steps=30, seeds=1,
                     measure=_late_weight, workers=1)
    own = ts.simulate(case.problem, case.algorithm, 30, frame["draw_seed"][1],
                      observe={"size": lambda view: view.mean_norm_sq})
    assert frame["_late_weight"][1] == own.column("size")[-1]


# --- what is refused ----------------------------------------------------------------------------------------------

def _text(_view: Any) -> Any:
    return "3"


REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "a function": ({"observe": len}, TypeError, "observe=<built-in function len>: must be a mapping"),
    "a list": ({"observe": [len]}, TypeError, r"observe=\[<built-in function len>\]: must be a mapping.*list"),
    "not a function": ({"observe": {"mine": 3}}, TypeError, r"observe\['mine'\]=3: must be a function, not int"),
    "a number for a name": ({"observe": {3: len}}, ValueError, "observe: the name 3 must be an identifier"),
    "two words": ({"observe": {"two words": len}}, ValueError, "the name 'two words' must be an identifier"),
    "nothing for a name": ({"observe": {"": len}}, ValueError, "the name '' must be an identifier"),
    "step": ({"observe": {"step": len}}, ValueError, "'step' is a column of every such run"),
    "every without": ({"observe_every": 3}, ValueError, "observe_every=3: needs observe="),
    "every 0": ({"observe": {"mine": _text}, "observe_every": 0}, ValueError, "observe_every=0: must be an int.* >= 1"),
    "every half": ({"observe": {"mine": _text}, "observe_every": 2.5}, ValueError, "observe_every=2.5"),
    "every word": ({"observe": {"mine": _text}, "observe_every": "2"}, TypeError, "observe_every='2'"),
    "text": ({"observe": {"mine": _text}}, TypeError, r"observe\['mine'\]: must return a number, returned '3'"),
    "nothing": ({"observe": {"mine": lambda view: None}}, TypeError, "must return a number, returned None"),
    "an array": ({"observe": {"mine": lambda view: np.ones(1)}}, TypeError, r"must return a number, returned array"),
    "a list of it": ({"observe": {"mine": lambda view: [1.0]}}, TypeError, r"must return a number, returned \[1.0\]"),
    "complex": ({"observe": {"mine": lambda view: 1j}}, TypeError, "must return a number, returned 1j"),
    "a complex array": ({"observe": {"mine": lambda view: np.array(1j)}}, TypeError, "must return a number"),
}


@pytest.mark.parametrize("name", REFUSED)
@one_case_each
def test_refused(case: Case, name: str) -> None:
    """By an error that names the argument or the observable."""
    given, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message):
        case.simulate(5, **given)
    if "observe" in given:
        run = case.simulate(2, observe={"mine": lambda view: 0.0})
        with pytest.raises(kind, match=message):
            case.resume(run, 5, **given)


@one_case_each
def test_names_of_columns_are_taken(case: Case) -> None:
    """Every one of them."""
    run = case.simulate(2)
    for column in run.table:
        with pytest.raises(ValueError, match=f"observe: '{column}' is a column of every such run"):
            case.simulate(5, observe={column: lambda view: 0.0})
    assert COLUMN[case.system] in run.table


@one_case_each
def test_refused_before_any_work(case: Case) -> None:
    """No function is called where another is none."""
    counter = Counter()
    with pytest.raises(TypeError, match=r"observe\['other'\]=None"):
        case.simulate(5, observe={"mine": counter, "other": None})
    with pytest.raises(ValueError, match="needs observe="):
        case.resume(case.simulate(2), 3, observe_every=2)
    assert counter.steps == []


# --- thinned tables -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", [name for name in PATCH if "first" not in name])
@pytest.mark.parametrize("every", [1, 2, 7, 64])
def test_thinned_tables(name: str, every: int) -> None:
    """Multiples of k, the records and the end; each row is that of the whole table, and so is everything else."""
    case = CASES[name]
    whole = case.simulate(record_every=25)
    thin = case.simulate(record_every=25, observables_every=every)
    wanted = {0, case.steps, *range(0, case.steps + 1, every), *range(0, case.steps + 1, 25)}
    assert thin.steps_observed.tolist() == thin.observables.index.tolist() == sorted(wanted)
    assert whole.steps_observed.tolist() == list(range(case.steps + 1))
    assert thin.rows.tobytes() == np.ascontiguousarray(whole.rows[thin.steps_observed]).tobytes()
    assert_same(kept_arrays(thin), kept_arrays(whole))
    assert_same(thin.inner, whole.inner)
    assert (thin.observables_every, whole.observables_every) == (every, 1)


@pytest.mark.parametrize("every", [1, 2, 16, 50])
def test_times_of_thinned_tables(every: int) -> None:
    """Found at the first row at which they hold, late by less than the resolution that is reported."""
    problem = ts.SignalNoise(n=20, d=400, m=4, signal_norm=2.0, noise_std=0.5, init_std=0.01)
    whole, thin = (ts.simulate(problem, ts.GradientDescent(0.5), 300, 1, record_at=(), **given)
                   for given in ({}, {"observables_every": every}))
    exact, times = whole.stage_times(), thin.stage_times()
    assert exact.resolution == 1 and times.resolution == every
    assert np.isfinite([exact.T1, exact.T2]).all()
    for name in ("T1", "T2"):
        late = times[name] - exact[name]
        assert 0 <= late < times.resolution and (times[name] % every == 0 or times[name] == 300)
    assert ("observed every" in str(times)) == (every > 1)
    assert "resolution" not in times.to_dict()


def test_until_and_policies_look_at_every_step_of_a_thinned_table() -> None:
    """They stop where they stop otherwise, and the row is there."""
    case = CASES["patch, flips"]
    loss = case.simulate().column("train_loss")
    level = float(np.sort(loss)[50])
    first = int(np.argmax(loss <= level))
    assert first % 64
    run = case.simulate(observables_every=64, record_at=(), until=lambda seen: seen["train_loss"] <= level)
    policy = case.simulate(observables_every=64, record_at=(), policy=ts.EarlyStopping(ts.LossBelow(level)))
    for one in (run, policy):
        assert (one.status, one.steps) == ("stopped", first) and one.steps_observed[-1] == first
        assert one.column("train_loss")[-1] == loss[first]


@pytest.mark.compiled
def test_long_runs_stay_small() -> None:
    """10^5 steps at k = 100 keep a thousand rows; the memory behind them is of that size."""
    problem = ts.SignalNoise(n=4, d=20, m=1, signal_norm=1.0, noise_std=0.5, init_std=0.1)
    run = ts.simulate(problem, ts.GradientDescent(0.01), 10**5, observables_every=100)
    assert run.rows.shape == (1001, len(run.columns)) and run.steps_observed.tolist() == list(range(0, 10**5 + 1, 100))
    buffer = run.rows if run.rows.base is None else run.rows.base
    assert buffer.nbytes < 2.1 * run.rows.nbytes < 400_000
    assert run.observables.shape == (1001, len(run.columns))


@pytest.mark.parametrize("every", [0, -1, 1.5, "2", None, True])
def test_wrong_spacing(every: Any) -> None:
    """Named."""
    with pytest.raises((TypeError, ValueError), match="observables_every="):
        CASES["patch, flips"].simulate(5, observables_every=every)
    with pytest.raises(TypeError, match="observables_every=3: simulate.. has no such keyword for the system 'linear'"):
        CASES["linear, SAM"].simulate(5, observables_every=3)


def test_public_products() -> None:
    """⟨w, μ⟩ and ⟨w, ξ_i⟩ at records, outputs per class and label multipliers, from explicit weights."""
    for name in ("patch, Gaussian noise", "patch, given draw"):
        run = CASES[name].simulate(record_every=20)
        for at, step in enumerate(run.steps_recorded.tolist()):
            weights = ts.reconstruct(run, step)
            signal, noise = weights @ run.draw.vectors[0], weights @ run.draw.vectors[1:].T
            np.testing.assert_allclose(run.signal_products()[at], signal, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(run.noise_products()[at], noise, rtol=1e-9, atol=1e-12)
            parts = np.concatenate([run.outputs(step, 1), run.outputs(step, -1)])
            np.testing.assert_array_equal(np.sort(parts), np.sort(run.outputs(step)))
    data = images()
    run = ts.simulate(data, FLIPS, 30, 1, record_every=10)
    assert run.signal_products().shape[:3] == (4, 2, 2) and run.noise_products().shape[:3] == (4, 2, 2)
    flips = run.label_multipliers()
    assert flips.shape == (30, 4) and set(np.unique(flips)) == {-1.0, 1.0}
    again = ts.simulate(data, ts.GradientDescent(0.3), 30, 1, record_every=10, label_noise=flips)
    assert_same(again.coefficients, run.coefficients)
    with pytest.raises(ValueError, match="was given its label multipliers"):
        again.label_multipliers()


def test_every_system_is_here() -> None:
    """One name of every system at least, and both engines of those that have two."""
    assert {CASES[name].system for name in ONE_EACH} == {
        "patch", "mean_field", "linear", "oscillation", "reweighting", "attention"}
