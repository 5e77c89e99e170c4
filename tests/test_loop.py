"""The one loop: divergence, until, progress and keywords mean the same for every system."""

import inspect
import os
import re
import subprocess
import sys
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from all_systems import (
    CASES, DIVERGING, FLIPS, ONE_EACH, SIGNAL, Case, assert_same, assert_same_run, every_case, every_divergence,
    one_case_each, one_step_chunks,
)

import theorysim as ts
from theorysim import systems
from theorysim.core.runs import Runs
from theorysim.systems import SYSTEMS, system_named

EVERY = 10
COLUMN = {"patch": "train_loss", "mean_field": "train_loss", "linear": "test_loss", "oscillation": "mean_norm_sq",
          "reweighting": "output_max", "attention": "train_loss"}
COMMON = {"record_every", "record_at", "until", "observe", "observe_every", "on_failure", "progress"}
Condition = Callable[[Any], Any]


# --- divergence ---------------------------------------------------------------------------------------------------

def arrays(run: Any) -> dict[str, Any]:
    """Every array of numbers that a run has of its own."""
    found = {name: value for name, value in vars(run).items() if isinstance(value, np.ndarray)}
    found |= {f"network {place}": value for place, value in enumerate(getattr(run, "network", None) or ())}
    return {name: value for name, value in found.items() if name != "leaving"}  # NaN for not yet


@every_divergence
def test_ends_at_the_last_finite_step(case: Case) -> None:
    """With everything that a run of exactly so many steps has; the next step is where it overflows."""
    run = case.simulate(record_every=EVERY, on_failure="return")
    assert run.status == "diverged" and 0 < run.steps < case.steps
    assert run.stopped_at == run.steps + 1
    assert f"overflow at step {run.stopped_at};" in run.message.replace("overflows", "overflow")
    assert "; lower lr (now " in run.message
    exact = case.simulate(run.steps, record_every=EVERY)
    assert exact.status == "completed"
    assert_same_run(run.replace(status="completed", message="", stopped_at=None), exact)
    next_one = case.simulate(run.steps + 1, record_every=EVERY, on_failure="return")
    assert_same_run(next_one, run)
    found = arrays(run)
    assert len(found) > 3 and max(values.size for values in found.values()) > 20
    for name, values in found.items():
        assert not np.isinf(values).any(), name
        assert name in ("series", "rows") or not np.isnan(values).any(), name  # there: for what there is none of


@every_divergence
def test_divergence_does_not_depend_on_chunks(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """One step at a time, or with records in between."""
    run = case.simulate(record_every=EVERY, on_failure="return")
    one_step_chunks(monkeypatch)
    assert_same_run(case.simulate(record_every=EVERY, on_failure="return"), run)
    for records in ({"record_at": []}, {"record_every": 1}, {"record_every": 3}):
        other = case.simulate(**records, on_failure="return")
        assert (other.steps, other.stopped_at, other.message) == (run.steps, run.stopped_at, run.message)
        last = [name for name in run.PER_RECORD if getattr(run, name) is not None]
        for name in last:
            assert_same(np.array(getattr(other, name)[-1]), np.array(getattr(run, name)[-1]), name)


@every_divergence
def test_it_is_raised_with_the_run(case: Case) -> None:
    """Which is the one that is returned otherwise; raising is the default."""
    returned = case.simulate(record_every=EVERY, on_failure="return")
    for options in ({}, {"on_failure": "raise"}):
        with pytest.raises(ts.DivergenceError) as told:
            case.simulate(record_every=EVERY, **options)
        assert_same_run(told.value.run, returned)
        assert returned.message in str(told.value)


@every_divergence
def test_diverging_at_the_first_step_of_a_resumption(case: Case) -> None:
    """Nothing is added but the word for it; it can neither go on nor is it lost."""
    run = case.simulate(record_every=EVERY, on_failure="return")
    exact = case.simulate(run.steps, record_every=EVERY)
    assert_same_run(case.resume(exact, 20, on_failure="return"), run)
    with pytest.raises(ts.DivergenceError) as told:
        case.resume(exact, 20)
    assert_same_run(told.value.run, run)
    with pytest.raises(ValueError, match="run has status"):
        case.resume(run, 5)


@every_divergence
def test_a_condition_met_before_comes_first(case: Case) -> None:
    """In the same chunk or an earlier one; one that would be met only later does not count."""
    run = case.simulate(record_every=1, on_failure="return")
    for goal in (run.steps - 1, run.steps):
        stopped = case.simulate(record_every=1, until=lambda seen: seen["step"] >= goal)
        assert (stopped.status, stopped.steps) == ("stopped", goal)
    later = case.simulate(record_every=1, until=lambda seen: seen["step"] > run.steps, on_failure="return")
    assert (later.status, later.steps) == ("diverged", run.steps)


@pytest.mark.parametrize("name", ["patch, flips", "mean_field, flips", "linear, width-free", "oscillation, chains",
                                  "reweighting, linear"])
def test_divergence_is_silent(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """No warning, and nothing on either stream."""
    DIVERGING[name].simulate(on_failure="return")
    assert capfd.readouterr() == ("", "")


def test_divergences_are_late_and_early() -> None:
    """Some within the first chunk, some long after it."""
    steps = {name: case.simulate(on_failure="return").steps for name, case in DIVERGING.items()}
    assert min(steps.values()) < 10 and max(steps.values()) > 100, steps


# --- until --------------------------------------------------------------------------------------------------------

def observed(case: Case, run: Any, name: str) -> tuple[Any, Any]:
    """The steps at which a condition is asked, and a column there."""
    if case.system == "reweighting":  # every step, of the columns of the series
        return np.arange(run.steps + 1), run.series[:, 2]
    return run.steps_observed, run.column(name)


@every_case
def test_stops_at_the_first_step_of_the_table(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """At several levels of a column, at step 0, in the middle of a chunk, at the end, never; in any chunks."""
    name = COLUMN[case.system]
    full = case.simulate(record_every=EVERY)
    steps, values = observed(case, full, name)
    middle = []
    for chunks in ("usual", "of one step"):
        for place in sorted({0, 1, 2, len(values) // 3, len(values) // 2, len(values) - 2, len(values) - 1}):
            level = values[place]
            below = level <= values[0]
            hit = values <= level if below else values >= level
            first = int(steps[np.argmax(hit)])

            def until(seen: Any) -> Any:
                return seen[name] <= level if below else seen[name] >= level

            run = case.simulate(record_every=EVERY, until=until)
            assert (run.status, run.steps, run.stopped_at) == ("stopped", first, first), (chunks, place)
            assert run.message == f"the condition was met at step {first}"
            short = case.simulate(first, record_every=EVERY)
            assert_same_run(run.replace(status="completed", message="", stopped_at=None), short)
            middle.append(first % EVERY)
        never = case.simulate(record_every=EVERY, until=lambda seen: seen[name] > 1e300)
        assert_same_run(never, full)
        one_step_chunks(monkeypatch)
    assert case.system == "oscillation" or any(middle), "some in the middle of a chunk"


@every_case
def test_sees_every_observed_step_once_and_in_order(case: Case) -> None:
    """Arrays of one length, "step" among them, the values those of the table; each step once as something new."""
    asked: list[int] = []
    seen_values: dict[int, float] = {}
    name = COLUMN[case.system]

    def note(seen: Any) -> Any:
        lengths = {len(values) for values in seen.values()}
        assert len(lengths) == 1 and all(isinstance(values, np.ndarray) for values in seen.values())
        new = [int(step) for step in seen["step"] if not asked or step > asked[-1]]
        assert all(step in asked or step in new for step in seen["step"].astype(int).tolist())
        asked.extend(new)
        seen_values.update(zip(seen["step"].astype(int).tolist(), seen[name].tolist(), strict=True))
        return np.zeros(len(seen["step"]), dtype=bool)

    run = case.simulate(record_every=EVERY, until=note)
    steps, values = observed(case, run, name)
    assert asked == steps.tolist() and run.status == "completed"
    assert [seen_values[step] for step in asked] == values.tolist()


@one_case_each
def test_by_step(case: Case) -> None:
    """The first observed step of at least so many; also of own observables and the system's columns together."""
    full = case.simulate(record_every=EVERY)
    steps, _ = observed(case, full, COLUMN[case.system])
    for goal in (0, 1, 10, 33, 59):
        first = int(steps[steps >= goal][0])
        assert case.simulate(record_every=EVERY, until=lambda seen: seen["step"] >= goal).steps == first
    name = next(iter(case.own()))

    def both(seen: Any) -> Any:
        return (seen["step"] >= 20) & ~np.isnan(seen[name]) & np.isfinite(seen[COLUMN[case.system]])

    assert case.simulate(record_every=EVERY, observe=case.own(), observe_every=8, until=both).steps == 24


@one_case_each
def test_until_in_a_resumption(case: Case) -> None:
    """Judges the steps of the rest, the seam among them."""
    begun = case.simulate(20, record_every=EVERY)
    assert case.resume(begun, 30, until=lambda seen: seen["step"] >= 0).steps == 20
    run = case.resume(begun, 30, until=lambda seen: seen["step"] >= 40)
    assert (run.steps, run.status) == (40, "stopped")
    short = case.simulate(40, record_every=EVERY)
    assert_same_run(run.replace(status="completed", message="", stopped_at=None), short)
    assert case.resume(begun, 30, until=lambda seen: seen["step"] < 20).status == "completed"


WRONG: dict[str, Condition] = {
    "one answer": lambda seen: True,
    "nothing": lambda seen: None,
    "text": lambda seen: "yes",
    "numbers": lambda seen: np.zeros(len(seen["step"])),
    "whole numbers": lambda seen: np.zeros(len(seen["step"]), dtype=int),
    "too many": lambda seen: np.zeros(len(seen["step"]) + 1, dtype=bool),
    "a column of them": lambda seen: np.zeros((len(seen["step"]), 1), dtype=bool),
}


@pytest.mark.parametrize("name", WRONG)
@one_case_each
def test_wrong_answers(case: Case, name: str) -> None:
    """Are told what is wanted."""
    message = r"until: must return a boolean array of shape \(\d+,\), returned \S+ of shape"
    with pytest.raises(ValueError, match=message):
        case.simulate(until=WRONG[name])


@one_case_each
def test_unknown_columns_and_exceptions(case: Case) -> None:
    """Are told which there are; what the function raises reaches the user."""
    with pytest.raises(KeyError, match=f"there is no column 'speed' to ask .*there are .*{COLUMN[case.system]}"):
        case.simulate(until=lambda seen: seen["speed"] > 1)

    def fail(seen: Any) -> Any:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        case.simulate(until=fail)
    for verb in (case.simulate, lambda **given: case.resume(case.simulate(3), 5, **given)):
        with pytest.raises(TypeError, match="until=3: must be a function, not int"):
            verb(until=3)


def test_lists_will_do() -> None:
    """Of truth values, of the right length."""
    run = CASES["linear, SAM"].simulate(until=lambda seen: [bool(step >= 7) for step in seen["step"]])
    assert run.steps == 7


# --- progress -----------------------------------------------------------------------------------------------------

@one_case_each
def test_progress(case: Case, capfd: pytest.CaptureFixture[str]) -> None:
    """A bar on stderr with the number of steps, for all or for the rest; the run is the same; silence otherwise."""
    quiet = case.simulate(record_every=EVERY, observe=case.own())
    assert capfd.readouterr() == ("", "")
    shown = case.simulate(record_every=EVERY, observe=case.own(), progress=True)
    out, err = capfd.readouterr()
    assert out == "" and "simulate: 100%" in err and f"{case.steps}/{case.steps}" in err
    assert_same_run(shown, quiet)
    rest = case.resume(case.simulate(20, record_every=EVERY), case.steps - 20, progress=True)
    out, err = capfd.readouterr()
    assert out == "" and f"{case.steps - 20}/{case.steps - 20}" in err
    assert_same_run(rest, case.simulate(record_every=EVERY))
    stopped = case.simulate(record_every=EVERY, until=lambda seen: seen["step"] >= 30, progress=True)
    assert f"{stopped.steps}/{case.steps}" in capfd.readouterr().err


# --- keywords -----------------------------------------------------------------------------------------------------

def _known(of: str) -> set[str]:
    return {name for one in SYSTEMS for name in one.keywords(of)}


@one_case_each
def test_unknown_keywords(case: Case) -> None:
    """Those of nobody and those of other systems: a TypeError with the keyword, its value and the system."""
    system = system_named(case.system)
    for name in {*_known("start"), "lrr", "Progress", "on_fail"} - {*system.keywords(), *COMMON}:
        message = rf"{name}=5: simulate\(\) has no such keyword for the system '{case.system}'; its own are "
        with pytest.raises(TypeError, match=message + ", ".join(system.keywords())):
            case.simulate(5, **{name: 5})
    run = case.simulate(5)
    for name in {*_known("start"), "lrr", "seed"} - {*system.keywords("proceed"), *COMMON}:
        message = rf"{name}=5: resume\(\) has no such keyword for the system '{case.system}'"
        with pytest.raises(TypeError, match=message):
            case.resume(run, 5, **{name: 5})


@one_case_each
def test_wrong_values_of_common_keywords(case: Case) -> None:
    """Named, for every system alike."""
    engines = system_named(case.system).engines
    wrong: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"engine": "typo"}, ValueError, f"engine='typo': must be one of {', '.join(map(repr, engines))}"),
        ({"engine": 3}, TypeError, "engine=3: must be a string"),
        ({"on_failure": "ignore"}, ValueError, "on_failure='ignore': must be one of 'raise', 'return'"),
        ({"progress": 1}, TypeError, "progress=1: must be True or False"),
        ({"record_every": 0}, ValueError, "record_every=0: must be an integer >= 1"),
        ({"record_at": [6]}, ValueError, r"record_at=6: must be an integer in \[0, 5\]"),
        ({"record_at": 3}, TypeError, "record_at=3: must be a sequence of steps"),
        ({"record_at": [3], "record_every": 2}, ValueError, r"record_every=2 and record_at=\[3\]: give only one"),
        ({"draw": 3}, TypeError, "draw=3: must be a "),
    ]
    for given, kind, message in wrong:
        with pytest.raises(kind, match=message):
            case.simulate(5, **given)
    for given, kind, message in ({"steps": -1}, ValueError, "steps=-1"), ({"steps": 2.5}, ValueError, "steps=2.5"):
        with pytest.raises(kind, match=message):
            case.simulate(**given)
    with pytest.raises(ValueError, match="seed=-1"):
        ts.simulate(case.problem, case.algorithm, 5, -1)
    with pytest.raises(ValueError, match="steps=-1"):
        ts.resume(case.simulate(3), -1)
    if case.system != "patch":
        with pytest.raises(TypeError, match=r"observe='outputs': simulate\(\) has no such keyword for the system"):
            case.simulate(5, observe="outputs")


def test_no_such_system() -> None:
    """Problems, algorithms and runs of none are told which there are."""
    with pytest.raises(TypeError, match="problem=3: must be a SignalNoise or PatchData or PatchModel or Mean"):
        ts.simulate(3, FLIPS, 5)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="algorithm=.*: must be a GradientDescent, not LinearSGD"):
        ts.simulate(SIGNAL, ts.LinearSGD(0.1), 5)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="algorithm=.*: must be a LinearSGD or OscillatingLayer, not GradientDescent"):
        ts.simulate(CASES["linear, SAM"].problem, FLIPS, 5)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="run=3: must be a PatchRun or MeanFieldRun or LinearRun or Oscill"):
        ts.resume(3, 5)  # type: ignore[type-var]


# --- signatures ---------------------------------------------------------------------------------------------------

def test_signatures_are_real() -> None:
    """Nothing is patched over: what inspect finds is what the code object has."""
    for verb in (ts.simulate, ts.resume, ts.load_run):
        assert not hasattr(verb, "__signature__") and not hasattr(verb, "__wrapped__")
        code = verb.__code__
        names = code.co_varnames[:code.co_argcount + code.co_kwonlyargcount]
        found = [name for name, one in inspect.signature(verb).parameters.items() if one.kind is not one.VAR_KEYWORD]
        assert tuple(found) == names
    assert list(inspect.signature(ts.simulate).parameters)[:4] == ["problem", "algorithm", "steps", "seed"]
    assert COMMON | {"engine", "draw"} <= set(inspect.signature(ts.simulate).parameters)
    assert COMMON <= set(inspect.signature(ts.resume).parameters)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda one: one.name)
def test_help_names_every_keyword(system: Any) -> None:
    """Of every system, for both verbs: as a parameter, or in the code of its sentence."""
    for verb, of in ((ts.simulate, "start"), (ts.resume, "proceed")):
        text = inspect.getdoc(verb) or ""
        parameters = text.partition("Parameters\n")[2].partition("Returns\n")[0].partition("Raises\n")[0]
        heads = re.findall(r"(?m)^(\w+(?:, \w+)*)(?: :.*)?$", parameters)
        told = re.findall(r"``(\w+)(?:=[^`]*)?``", parameters)
        named = {name for head in heads for name in head.split(", ")} | set(told)
        assert {*system.keywords(of), *COMMON} <= named, verb.__name__


def test_overloads_name_every_keyword() -> None:
    """Two overloads for each of our systems, with exactly the keywords that it has and its run or runs; resume's alike.
    """
    overloads = typing.get_overloads(systems.simulate)
    of_run = {typing.get_type_hints(one)["return"]: one for one in overloads}  # a derived problem's comes first
    assert len(overloads) == 2 * len(systems.OWN)
    assert set(of_run) == {kind for one in systems.OWN for kind in (one.run, Runs[one.run])}
    for system, kind in ((system, kind) for system in systems.OWN for kind in (system.run, Runs[system.run])):
        hints = typing.get_type_hints(of_run[kind])
        assert {"seed", "seeds"} & set(hints) == ({"seed"} if kind is system.run else {"seeds"})
        assert hints["algorithm"] in system.algorithms
        assert system.problems == (typing.get_args(hints["problem"]) or (hints["problem"],))
        keywords = typing.get_args(hints["keywords"])[0]
        assert keywords.__total__ is False
        named = set(typing.get_type_hints(keywords))
        assert named - {"engine"} == ({*system.keywords(), "for_check"} | COMMON) - {"engine"}
        if "engine" in named:
            literal = typing.get_args(typing.get_args(typing.get_type_hints(keywords)["engine"])[0])
            assert literal == system.engines
        else:
            assert len(system.engines) == 1
    found = {name for one in typing.get_overloads(systems.resume)
             for name in typing.get_type_hints(typing.get_args(typing.get_type_hints(one)["keywords"])[0])}
    assert found == COMMON | _known("proceed")


TYPED = '''
import theorysim as ts
from typing import Any
import numpy as np

signal = ts.SignalNoise(n=5, d=16, m=2, signal_norm=1.5, noise_std=0.4, init_std=0.1)
network, kernel = ts.LinearNetwork(5, 3, 8), ts.KernelReweighting(ts.SignalNoiseImages(), 10, 4)
gd, sgd, layer, rule = ts.GradientDescent(0.1), ts.LinearSGD(0.1), ts.OscillatingLayer(0.1), ts.Reweighting()
patch: ts.PatchRun = ts.simulate(signal, gd, 5, 1, engine="paired", policy=ts.EarlyStopping(ts.AtStep(3)))
linear: ts.LinearRun = ts.simulate(network, sgd, 5, engine="explicit", neurons=3, record_at=range(3))
chains: ts.OscillationRun = ts.simulate(network, layer, 5, until=lambda seen: seen["step"] > 3, progress=True)
kernels: ts.ReweightingRun = ts.simulate(kernel, rule, 5, engine="network", width=4, observe={"a": lambda view: 1.0})
longer: ts.LinearRun = ts.resume(linear, 5, record_every=3, on_failure="return")
patches: ts.PatchRun = ts.resume(patch, 5, label_noise=np.ones((5, 5)))
loaded: ts.PatchRun = ts.load_run("run.npz", ts.PatchRun)
some: ts.Run = ts.load_run("run.npz")
over: ts.Runs[ts.PatchRun] = ts.simulate(signal, gd, 5, seeds=range(3), workers=2, engine="paired")
first: ts.PatchRun = over[0]
head: ts.Runs[ts.PatchRun] = over[:2]
every: ts.Runs[ts.Run] = ts.simulate(network, layer, 5, seeds=3)
onward: ts.Runs[ts.PatchRun] = ts.resume(over, 5, record_every=2)
weak = ts.SignalNoise(n=5, d_over_n2=2.0, m=2, snr=0.1, noise_std=0.4, init_scale=0.1, q=3)
mean = ts.MeanField(n=5, d=16, m=2, n_snr2=0.1, noise_std=0.4, init_std=0.1)
reveal_type(ts.simulate(signal, gd, 5).gamma)
ts.simulate(signal, gd, 5, engine="typo")  # E
ts.simulate(network, sgd, 5, engine="weights")  # E
ts.simulate(signal, gd, 5, speed=3)  # E
ts.simulate(network, sgd, 5, policy=None)  # E
ts.simulate(network, layer, 5, engine="explicit")  # E
ts.simulate(kernel, rule, 5, neurons=3)  # E
ts.simulate(signal, sgd, 5)  # E
ts.simulate(network, gd, 5)  # E
ts.simulate(signal, gd, "5")  # E
ts.simulate(signal, gd, 5, on_failure="ignore")  # E
ts.simulate(signal, gd, 5, observables_every="3")  # E
wrong: ts.LinearRun = ts.simulate(signal, gd, 5)  # E
other: ts.PatchRun = ts.simulate(kernel, rule, 5)  # E
ts.resume(patch, 5, engine="paired")  # E
ts.resume(patch, 5, record_every="3")  # E
less: ts.PatchRun = ts.resume(linear, 5)  # E
third: ts.LinearRun = ts.load_run("run.npz", ts.PatchRun)  # E
narrow: ts.PatchRun = ts.load_run("run.npz")  # E
patch.nothing  # E
ts.simulate(signal, gd, 5, 1, seeds=range(3))  # E
ts.simulate(signal, gd, 5, seeds=range(3), neurons=3)  # E
lone: ts.PatchRun = ts.simulate(signal, gd, 5, seeds=range(3))  # E
strange: ts.Runs[ts.LinearRun] = over  # E
ts.SignalNoise(n=5, d=16, m=2, snr=0.1, init_std=0.1)  # E
ts.SignalNoise(n=5, d=16, m=2, snr="0.1", noise_std=0.4, init_std=0.1)  # E
ts.SignalNoise(5, 16, 2, 1.5, 0.4)  # E
'''


@pytest.mark.compiled
def test_types(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """mypy --strict takes right calls and finds every wrong one: engines, keywords, algorithms, types of runs."""
    (tmp_path / "calls.py").write_text(TYPED, encoding="utf-8")
    kept = request.config.cache
    cache = tmp_path / "cache" if kept is None else kept.mkdir("mypy")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--follow-imports=silent", "--no-error-summary",
         f"--cache-dir={cache}", "calls.py"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
        env=os.environ | {"MYPYPATH": str(Path(ts.__file__).parents[1])},
    )
    lines = done.stdout.splitlines()
    found = {int(line.split(":")[1]) for line in lines if ": error:" in line}
    wanted = {number for number, line in enumerate(TYPED.splitlines(), 1) if line.endswith("# E")}
    assert found == wanted, done.stdout + done.stderr
    revealed, = [line for line in lines if "Revealed type" in line]
    assert "ndarray" in revealed and "float" in revealed
    assert len(wanted) == 26 and done.returncode == 1


def test_every_system_is_here() -> None:
    """In the cases that stand for all."""
    assert {CASES[name].system for name in ONE_EACH} == {one.name for one in systems.OWN}
    assert {case.system for case in DIVERGING.values()} == {one.name for one in systems.OWN}
