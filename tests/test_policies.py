"""Policies: stopping early, selecting samples; what chunks, resumption, files and sweeps may not change."""

import dataclasses
import signal
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import naive
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2, ks_2samp

import theorysim as ts
from theorysim.patch import stepper
from theorysim.patch.draw import Draw
from theorysim.patch.guard import _held_out
from theorysim.patch.policy import Policy, Selection
from theorysim.core.seeds import Stream

Array = NDArray[np.float64]
# n·SNR² = 11: gradient descent goes through both stages, right on the true labels first, on the wrong ones last.
PROBLEM = ts.SignalNoise(n=12, d=300, m=4, signal_norm=3.0, noise_std=0.18, init_std=0.002, q=1,
                         label_flip=0.25, orthogonal_noise=False, flip_law="stratified")
ALGORITHM = ts.GradientDescent(0.08)
NOISY = ts.GradientDescent(0.08, ts.Gaussian(1.0, 0.3))
STEPS = 80
FIELDS = ("rows", "steps_recorded", "coefficients", "inner", "weights")
TRIGGERS: dict[str, Any] = {
    "first stage": ts.FirstStage(0.1), "loss": ts.LossBelow(0.45), "step": 17, "step 0": 0, "last step": STEPS,
}
SELECTING: dict[str, Any] = {
    f"{kind.__name__} {action} at {name}": kind(at, action=action)
    for (name, at), kind, action in product(
        TRIGGERS.items(), (ts.SmallLossSelection, ts.OracleSelection), ("drop", "relabel", "downweight"))
}
SOME = [name for name in SELECTING if name.endswith(("at loss", "at step"))]


def simulate(policy: Policy | None = None, *, steps: int = STEPS, seed: int = 2, problem: Any = PROBLEM,
             algorithm: ts.GradientDescent = ALGORITHM, **options: Any) -> ts.Run:
    """A small run."""
    records = {} if "record_at" in options else {"record_every": 10}
    return ts.simulate(problem, algorithm, steps, seed, policy=policy, **records | options)


def assert_same(found: ts.Run, wanted: ts.Run) -> None:
    """Equal in every bit, in what the policy did too."""
    assert (found.status, found.stopped_at, found.policy) == (wanted.status, wanted.stopped_at, wanted.policy)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), name)
    assert (found.selection is None) == (wanted.selection is None)
    if found.selection is not None and wanted.selection is not None:
        assert found.selection.step == wanted.selection.step
        for name in ("flagged", "noisy", "weight", "turned"):
            np.testing.assert_array_equal(getattr(found.selection, name), getattr(wanted.selection, name), name)


def flagged_by_hand(run: ts.Run, policy: ts.SmallLossSelection) -> NDArray[np.bool_]:
    """ℓ(ỹ_i f_i) above the threshold at the step of the selection, from the outputs of a record there."""
    assert run.selection is not None
    margins = run.draw.observed_labels * run.outputs(run.selection.step)
    return np.array([naive.loss(float(margin)) > policy.threshold for margin in margins])


# --- early stopping -----------------------------------------------------------------------------------------------

Seen = Mapping[str, Array]
UNTIL: dict[str, Callable[[Seen], NDArray[np.bool_]]] = {
    "first stage": lambda seen: seen["rho_bar_active_min"] >= 0.1,
    "loss": lambda seen: seen["train_loss"] <= 0.45,
    "step": lambda seen: seen["step"] >= 17,
    "step 0": lambda seen: seen["step"] >= 0,
    "last step": lambda seen: seen["step"] >= STEPS,
}


@pytest.mark.parametrize("engine", ["coefficients", "weights", "paired"])
@pytest.mark.parametrize("name", TRIGGERS)
def test_early_stopping_is_until(name: str, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every trigger stops where the same condition does, with the same numbers, in whatever chunks."""
    policy = ts.EarlyStopping(TRIGGERS[name])
    wanted = simulate(until=UNTIL[name], engine=engine)
    for flops in (2e9, 1.0, 1e4):
        monkeypatch.setattr(stepper, "CHUNK_FLOPS", flops)
        run = simulate(policy, engine=engine)
        assert_same(dataclasses.replace(run, policy=None), wanted)
        assert (run.status, run.stopped_at, run.policy) == ("stopped", run.steps, policy)
        assert run.message == f"{policy} stopped the run at step {run.steps}"
        assert run.steps_recorded[-1] == run.steps and run.selection is None and run.validation is None
    exact = {"step": 17, "step 0": 0, "last step": STEPS}
    assert run.steps == exact.get(name, run.steps) and (name in exact or 0 < run.steps < STEPS)


@pytest.mark.parametrize("at", [ts.FirstStage(1e3), ts.LossBelow(0.0), STEPS + 1])
def test_a_trigger_never_met_changes_nothing(at: Any) -> None:
    """The run completes as any other."""
    run, plain = simulate(ts.EarlyStopping(at)), simulate()
    assert (run.status, run.message, run.stopped_at) == ("completed", "", None)
    assert_same(dataclasses.replace(run, policy=None), plain)


def test_a_step_is_short_for_a_trigger() -> None:
    """A whole number, a NumPy one too."""
    assert ts.EarlyStopping(5) == ts.EarlyStopping(ts.AtStep(5)) == ts.EarlyStopping(np.int64(5))
    assert ts.SmallLossSelection(5).at == ts.OracleSelection(5).at == ts.AtStep(5)


def test_the_callers_condition_comes_first_where_it_is_met_first() -> None:
    """And the message says whose it was."""
    policy = ts.EarlyStopping(17)
    for goal, whose in ((9, "the condition was met at step 9"), (30, f"{policy} stopped the run at step 17")):
        for records in ((), range(31)):
            run = simulate(policy, until=lambda seen: seen["step"] >= goal, record_at=records)
            assert (run.stopped_at, run.message) == (min(goal, 17), whose)


@pytest.mark.parametrize("first", [0, 5, 16, 17])
def test_resumed_before_it_stops(first: int) -> None:
    """The policy goes on until it has ended the run, then no more."""
    policy = ts.EarlyStopping(17)
    whole = ts.resume(simulate(policy, steps=first), STEPS - first)
    if first < 17:
        assert_same(whole, simulate(policy))
        whole = ts.resume(whole, STEPS - 17)
    assert (whole.status, whole.policy) == ("completed", policy)
    assert_same(dataclasses.replace(whole, policy=None), dataclasses.replace(simulate(), message=""))


def test_a_policy_that_has_ended_a_run_does_not_end_it_again() -> None:
    """However often the run is resumed, and though the trigger may be met anew: here the loss goes up and down."""
    algorithm = ts.GradientDescent(1.0, ts.Gaussian(0.3, 2.0))
    plain = simulate(algorithm=algorithm, record_every=1)
    loss = plain.column("train_loss")
    level = float(np.median(loss))
    first = int(np.argmax(loss <= level))
    later = [t for t in range(first + 1, STEPS) if loss[t] > level]
    assert later, "it rises again"
    run = simulate(ts.EarlyStopping(ts.LossBelow(level)), algorithm=algorithm, record_every=1)
    assert run.stopped_at == first
    run = ts.resume(run, later[0] - first)
    assert run.status == "completed"
    run = ts.resume(run, STEPS - later[0])
    assert (run.status, run.steps) == ("completed", STEPS)
    np.testing.assert_array_equal(run.rows, plain.rows)


def test_divergence_before_the_trigger() -> None:
    """Is divergence still."""
    problem = PROBLEM.replace(q=3, init_std=0.5)
    for policy in (ts.EarlyStopping(60), ts.SmallLossSelection(60), ts.EarlyStopping(ts.BestValidation(10, 5, 9))):
        with np.errstate(all="ignore"):
            run = simulate(policy, problem=problem, algorithm=ts.GradientDescent(1e3), on_failure="return")
        assert run.status == "diverged" and run.selection is None
        assert np.isfinite(run.inner).all()


# --- selection ----------------------------------------------------------------------------------------------------


@pytest.mark.compiled
@pytest.mark.parametrize("engine", ["coefficients", "weights"])
@pytest.mark.parametrize("name", SELECTING)
def test_chunks_and_records_change_nothing(name: str, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A selection in the middle of a chunk is one at its end; it looks at the losses of its own step."""
    policy = SELECTING[name]
    wanted = simulate(policy, engine=engine, record_at=range(STEPS + 1))
    assert wanted.status == "completed" and wanted.selection is not None
    if isinstance(policy, ts.SmallLossSelection):
        np.testing.assert_array_equal(wanted.selection.flagged, flagged_by_hand(wanted, policy))
    for flops, records in ((1.0, ()), (1e4, ()), (2e9, ()), (2e9, range(0, STEPS, 13))):
        monkeypatch.setattr(stepper, "CHUNK_FLOPS", flops)
        run = simulate(policy, engine=engine, record_at=records)
        kept = np.isin(wanted.steps_recorded, run.steps_recorded)
        assert_same(run, dataclasses.replace(
            wanted, steps_recorded=wanted.steps_recorded[kept], coefficients=wanted.coefficients[kept]))


@pytest.mark.parametrize("step", range(1, 8))
def test_losses_are_those_of_the_step(step: int) -> None:
    """At the start they change from step to step: a threshold between two steps tells them apart."""
    plain = simulate(record_at=range(STEPS + 1))
    losses = [np.logaddexp(0, -plain.draw.observed_labels * plain.outputs(t)) for t in (step - 1, step)]
    moved = int(np.argmax(np.abs(losses[1] - losses[0])))
    policy = ts.SmallLossSelection(step, float(np.mean([one[moved] for one in losses])))
    for records in ((), range(STEPS + 1)):
        run = simulate(policy, record_at=records)
        assert run.selection is not None
        np.testing.assert_array_equal(run.selection.flagged, losses[1] > policy.threshold)


@pytest.mark.compiled
@pytest.mark.parametrize("first", [0, 1, 16, 17, 18, 40])
@pytest.mark.parametrize("name", SOME)
def test_resumed_run_is_the_straight_one(name: str, first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the selection, at it and after it, also when split twice and in other chunks."""
    policy = SELECTING[name]
    straight = simulate(policy, algorithm=NOISY)
    assert straight.selection is not None
    monkeypatch.setattr(stepper, "CHUNK_FLOPS", 1e4)
    part = ts.resume(simulate(policy, algorithm=NOISY, steps=first), 1)
    assert_same(ts.resume(part, STEPS - first - 1), straight)


@pytest.mark.compiled
@pytest.mark.parametrize("engine", ["coefficients", "weights", "paired"])
@pytest.mark.parametrize("at", [255, 256, 257])
def test_resumed_where_label_noise_is_drawn_anew(at: int, engine: str) -> None:
    """Selected at, before or after the seam of two blocks of label noise, and resumed one step on."""
    policy = ts.SmallLossSelection(at, 0.4, "relabel")
    options: dict[str, Any] = {"algorithm": NOISY, "engine": engine}
    straight = simulate(policy, steps=300, **options)
    for first in (at, at + 1):
        assert_same(ts.resume(simulate(policy, steps=first, **options), 300 - first), straight)


def test_resumed_single_precision() -> None:
    """Weights and turned labels are kept there too."""
    policy = ts.SmallLossSelection(17, action="relabel")
    straight = simulate(policy, precision="single")
    assert_same(ts.resume(simulate(policy, steps=20, precision="single"), STEPS - 20), straight)


@pytest.mark.parametrize("first", [5, 30])
@pytest.mark.parametrize("name", SOME)
def test_saved_and_loaded(name: str, first: int, tmp_path: Path) -> None:
    """Goes on as if it had never been on disk."""
    part = simulate(SELECTING[name], steps=first)
    part.save(tmp_path / "run.npz")
    loaded = ts.load_run(tmp_path / "run.npz")
    assert_same(loaded, part)
    assert repr(loaded.selection) == repr(part.selection)
    assert_same(ts.resume(loaded, STEPS - first), simulate(SELECTING[name]))


def test_relabelled_samples_train_as_their_true_labels() -> None:
    """The oracle that relabels at step 0 moves the weights as training on true labels does."""
    run = simulate(ts.OracleSelection(0, "relabel"))
    clean = dataclasses.replace(run.draw, observed_labels=run.draw.labels)
    plain = simulate(draw=clean)
    np.testing.assert_array_equal(run.coefficients, plain.coefficients)
    assert run.column("train_accuracy")[-1] < 1 == plain.column("train_accuracy")[-1], "accuracy is against ỹ"


def test_dropped_samples_are_as_if_never_there() -> None:
    """The oracle that drops at step 0 trains on the clean samples alone: Σ ω_i ℓ_i/Σ ω_i is their mean."""
    run = simulate(ts.OracleSelection(0, "drop"), draw="vectors")
    clean, vectors = ~run.draw.noisy, run.draw.vectors
    draw = Draw.from_arrays(noise=vectors[1:][clean], weights=run.draw.weights.reshape(2, 4, -1),
                            labels=run.draw.labels[clean], signal=vectors[0])
    alone = simulate(problem=PROBLEM.replace(n=int(clean.sum())), draw=draw)
    np.testing.assert_allclose(run.gamma, alone.gamma, rtol=0, atol=1e-11)
    np.testing.assert_allclose(run.rho[..., clean], alone.rho, rtol=0, atol=1e-11)
    assert not run.rho[..., ~clean].any()


@pytest.mark.parametrize(
    ("flagged", "noisy", "precision", "recall"),
    [("1100", "1010", 1 / 2, 1 / 2), ("1110", "0110", 2 / 3, 1.0), ("0000", "0110", np.nan, 0.0),
     ("1000", "0000", 0.0, np.nan), ("0000", "0000", np.nan, np.nan), ("1111", "1111", 1.0, 1.0),
     ("0001", "1111", 1.0, 1 / 4)],
)
def test_precision_and_recall(flagged: str, noisy: str, precision: float, recall: float) -> None:
    """By hand; NaN where nothing is flagged or nothing is noisy."""
    one, other = (np.array([char == "1" for char in text]) for text in (flagged, noisy))
    selection = Selection(3, one, other, np.ones(4), np.ones(4))
    np.testing.assert_equal((selection.precision, selection.recall), (precision, recall))
    assert f"flagged={one.sum()}, noisy={other.sum()}" in repr(selection)


@pytest.mark.parametrize(
    ("policy", "weight", "turned"),
    [(ts.OracleSelection(0, "drop"), [0, 4 / 3, 4 / 3, 4 / 3], [1, 1, 1, 1]),
     (ts.OracleSelection(0, "relabel"), [1, 1, 1, 1], [-1, 1, 1, 1]),
     (ts.OracleSelection(0, "downweight", 0.2), [0.25, 1.25, 1.25, 1.25], [1, 1, 1, 1]),
     (ts.OracleSelection(0, "downweight", 1.0), [1, 1, 1, 1], [1, 1, 1, 1]),
     (ts.SmallLossSelection(0, 0.5, "drop"), [0, 2, 2, 0], [1, 1, 1, 1]),
     (ts.SmallLossSelection(0, 0.5, "downweight", 0.0), [0, 2, 2, 0], [1, 1, 1, 1]),
     (ts.SmallLossSelection(0, 0.5, "relabel"), [1, 1, 1, 1], [-1, 1, 1, -1]),
     (ts.SmallLossSelection(0, 0.0, "drop"), [0, 0, 0, 0], [1, 1, 1, 1]),
     (ts.SmallLossSelection(0, 9.0, "drop"), [1, 1, 1, 1], [1, 1, 1, 1])],
)
def test_weights_and_turned_labels(policy: Any, weight: list[float], turned: list[int]) -> None:
    """Of four samples of which the first has a flipped label, and the first and last a loss above 1/2."""
    noisy = np.array([True, False, False, False])
    selection = Selection.of(policy, 0, np.array([-1.0, 2.0, 3.0, 0.1]), noisy)
    np.testing.assert_allclose(selection.weight, weight, rtol=1e-14)
    np.testing.assert_array_equal(selection.turned, turned)


def test_loss_at_the_threshold_is_trusted() -> None:
    """Only what is above it is not: a network that says nothing has loss log 2 exactly."""
    selection = Selection.of(ts.SmallLossSelection(0), 0, np.zeros(3), np.ones(3, dtype=bool))
    assert not selection.flagged.any()


# --- the best of a held-out set -----------------------------------------------------------------------------------

BEST = ts.EarlyStopping(ts.BestValidation(samples=60, every=4, patience=5))
VALIDATED: dict[str, dict[str, Any]] = {
    "vectors": {"draw": "vectors"},
    "Wishart": {"draw": "wishart"},
    "weights engine": {"engine": "weights"},
    "orthogonal, bias": {"problem": PROBLEM.replace(bias=0.4, orthogonal_noise=True)},
    "bias": {"problem": PROBLEM.replace(bias=-0.4)},
    "q=2": {"problem": PROBLEM.replace(q=2, init_std=0.05)},
    "uniform": {"problem": PROBLEM.replace(init_law="uniform")},
    "no signal": {"problem": PROBLEM.replace(signal_norm=0.0)},
    "label noise": {"algorithm": NOISY},
}


def accuracy_by_hand(run: ts.Run, at: int, held_out: tuple[Array, Array]) -> float:
    """Share of the held-out samples on the right side, one by one through explicit weights."""
    patches, labels = held_out
    weights = run.weights_at(at).reshape(2, run.draw.m, -1)
    outputs = [naive.output(weights, patches[:, i], run.problem.q) for i in range(labels.size)]
    return float(np.mean([y * f > 0 for y, f in zip(labels, outputs, strict=True)]))


@pytest.mark.parametrize("labels", ["observed", "true"])
@pytest.mark.parametrize("name", VALIDATED)
def test_best_validation(name: str, labels: str) -> None:
    """Looks, accuracies, the first best, patience; the state is that of a plain run at that step, bit for bit."""
    policy = ts.EarlyStopping(dataclasses.replace(BEST.at, labels=labels))
    at = policy.at
    assert isinstance(at, ts.BestValidation)
    run, plain = simulate(policy, **VALIDATED[name]), simulate(record_every=1, **VALIDATED[name])
    assert run.validation is not None and run.status == "stopped"
    steps, accuracy = run.validation[:, 0].astype(int), run.validation[:, 1]
    np.testing.assert_array_equal(steps, 4 * np.arange(len(steps)))
    held_out = _held_out(at, run.problem, run.draw, run.seed)
    np.testing.assert_array_equal(accuracy, [accuracy_by_hand(plain, int(step), held_out) for step in steps])
    best = int(np.argmax(accuracy))  # the first of equals
    assert run.steps == run.stopped_at == steps[best]
    assert len(steps) == min(best + 1 + at.patience, STEPS // at.every + 1)
    assert f"at step {run.steps}, of {len(steps)} looks up to step {steps[-1]}" in run.message
    np.testing.assert_array_equal(run.rows, plain.rows[: run.steps + 1])
    np.testing.assert_array_equal(run.coefficients[-1], plain.coefficients[run.steps])
    assert run.steps_recorded.tolist() == sorted({*range(0, run.steps + 1, 10), run.steps})
    np.testing.assert_array_equal(run.coefficients, plain.coefficients[run.steps_recorded])
    stopped = simulate(until=lambda seen: seen["step"] >= run.steps, **VALIDATED[name])
    np.testing.assert_array_equal(run.inner, stopped.inner)
    np.testing.assert_array_equal(run.weights, stopped.weights)


def test_best_validation_has_something_to_choose() -> None:
    """In the settings above it is neither always the first nor always the last look, and there are ties."""
    found = [simulate(BEST, **options).validation for options in VALIDATED.values()]
    best = [int(np.argmax(looks[:, 1])) for looks in found if looks is not None]
    ties = [(looks[:, 1] == looks[:, 1].max()).sum() for looks in found if looks is not None]
    assert max(ties) > 1 and len(set(best)) > 2


@pytest.mark.parametrize(("every", "patience"), [(1, 1), (7, 3), (100, 1), (80, 2), (3, 10**6)])
def test_looks_and_patience(every: int, patience: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a grid of steps, whatever the chunks; after so many looks without improvement, or at the end."""
    policy = ts.EarlyStopping(ts.BestValidation(30, every, patience))
    run = simulate(policy)
    assert run.validation is not None
    steps, accuracy = run.validation.T
    best = int(np.argmax(accuracy))
    assert steps.tolist() == list(range(0, every * len(steps), every))
    assert len(steps) == min(best + 1 + patience, STEPS // every + 1) and run.steps == steps[best]
    monkeypatch.setattr(stepper, "CHUNK_FLOPS", 1.0)
    other = simulate(policy)
    assert_same(other, run)
    np.testing.assert_array_equal(other.validation, run.validation)


@pytest.mark.parametrize("steps", [0, 3])
def test_best_validation_of_a_short_run(steps: int) -> None:
    """One look, at the start."""
    run = simulate(BEST, steps=steps)
    assert (run.status, run.steps) == ("stopped", 0) and run.validation is not None and len(run.validation) == 1


def test_validation_is_kept(tmp_path: Path) -> None:
    """In a file, and when the run goes on from its best step, then without the policy acting again."""
    run = simulate(BEST)
    run.save(tmp_path / "run.npz")
    loaded = ts.load_run(tmp_path / "run.npz")
    assert loaded.policy == BEST and loaded.validation is not None
    np.testing.assert_array_equal(loaded.validation, run.validation)
    longer = ts.resume(loaded, STEPS - run.steps)
    np.testing.assert_array_equal(longer.validation, run.validation)
    assert longer.status == "completed"
    np.testing.assert_array_equal(longer.rows, simulate().rows)


def test_interrupted_validation_is_resumed() -> None:
    """The best state so far is kept, and the run ends as if it had never been interrupted."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    calls = 0

    def press(seen: Seen) -> NDArray[np.bool_]:
        nonlocal calls
        calls += 1
        if calls == 9:
            signal.raise_signal(signal.SIGINT)
        return np.zeros(len(seen["step"]), dtype=bool)

    try:
        run = simulate(BEST, until=press)
    finally:
        signal.signal(signal.SIGINT, before)
    assert run.status == "interrupted" and 0 < run.steps < STEPS and run.best is not None
    straight, resumed = simulate(BEST), ts.resume(run, STEPS - run.steps)
    assert (resumed.status, resumed.message, resumed.steps) == (straight.status, straight.message, straight.steps)
    for name in ("rows", "steps_recorded", "coefficients", "inner", "validation"):
        np.testing.assert_array_equal(getattr(resumed, name), getattr(straight, name))


# --- the held-out set ---------------------------------------------------------------------------------------------

MANY = 40_000
HELD_OUT: dict[str, dict[str, Any]] = {
    "plain": {}, "orthogonal": {"orthogonal_noise": True}, "bias": {"bias": 0.5, "orthogonal_noise": True},
    "two rates": {"label_flip": (0.1, 0.4), "flip_law": "independent"}, "no signal": {"signal_norm": 0.0},
}


@pytest.mark.parametrize("form", ["vectors", "wishart"])
@pytest.mark.parametrize("name", HELD_OUT)
def test_held_out_set(name: str, form: str) -> None:
    """Labels are fair coins flipped at their rates; signal patches are yμ; noise is N(0, σ²), without μ if so asked."""
    problem = PROBLEM.replace(**HELD_OUT[name])
    draw = Draw.from_problem(problem, 1, form)
    (signal_patch, noise), labels = _held_out(ts.BestValidation(MANY, labels="true"), problem, draw, 1)
    _, observed = _held_out(ts.BestValidation(MANY), problem, draw, 1)
    bias, axis = int(bool(problem.bias)), draw.signal_axis(problem.bias)
    coordinates = draw.vectors.shape[1]
    assert noise.shape == signal_patch.shape == (MANY, coordinates)
    if bias:
        assert (noise[:, -1] == problem.bias).all() and (signal_patch[:, -1] == problem.bias).all()
    plain = slice(0, coordinates - bias)
    np.testing.assert_array_equal(signal_patch[:, plain], labels[:, None] * problem.signal_norm * axis[plain])
    assert abs(labels.mean()) < 4.5 / np.sqrt(MANY)
    for y, rate in zip((1, -1), problem.flip_rates, strict=True):
        flips = observed[labels == y] == -y
        assert abs(flips.mean() - rate) < 4.5 * np.sqrt(rate * (1 - rate) / flips.size)
    along = noise[:, plain] @ axis[plain] / problem.noise_std
    rest = noise[:, plain] / problem.noise_std - np.outer(along, axis[plain])
    if problem.orthogonal_noise:
        assert np.abs(along).max() < 1e-12
    else:
        assert abs(along.mean()) < 4.5 / np.sqrt(MANY) and abs((along**2).mean() - 1) < 4.5 * np.sqrt(2 / MANY)
    degrees = coordinates - bias - 1
    total = (rest**2).sum()
    assert 1e-5 < chi2.cdf(total, MANY * degrees) < 1 - 1e-5
    assert np.abs(rest.mean(axis=0)).max() < 5 / np.sqrt(MANY)


@pytest.mark.compiled
@pytest.mark.parametrize("form", ["vectors", "wishart"])
@pytest.mark.parametrize("name", HELD_OUT)
def test_accuracy_is_one_minus_test_error(name: str, form: str) -> None:
    """Within four standard errors, against flipped labels and true ones."""
    problem = PROBLEM.replace(signal_norm=1.0).replace(**HELD_OUT[name])
    for labels in ("observed", "true"):
        policy = ts.EarlyStopping(ts.BestValidation(MANY, 10, 1, labels))
        run = simulate(policy, problem=problem, draw=form, steps=10)
        assert run.validation is not None
        error = run.test_error(method="monte-carlo", labels=labels, n_test=100_000)
        found = dict(run.validation)[run.steps]
        spread = np.hypot(np.sqrt(found * (1 - found) / MANY), (error.high - error.low) / 3.92)
        assert abs(1 - found - error.value) < 4 * spread


def test_held_out_set_is_its_own() -> None:
    """It depends on the seed, is not the training set, and keeps to a stream of its own."""
    assert len({int(one) for one in Stream}) == len(Stream)
    draw = Draw.from_problem(PROBLEM, 1)
    sets = [_held_out(ts.BestValidation(50), PROBLEM, draw, seed)[0][1] for seed in (1, 1, 2)]
    np.testing.assert_array_equal(sets[0], sets[1])
    assert not np.isin(sets[2], sets[0]).any() and not np.isin(sets[0], draw.vectors).any()


@pytest.mark.compiled
def test_forms_of_a_draw_agree_in_distribution() -> None:
    """Best step, its accuracy and test error over seeds, on vectors and Wishart draws."""
    outcomes = []
    for form, first in (("vectors", 0), ("wishart", 10**6)):
        runs = [simulate(BEST, seed=seed, draw=form, problem=PROBLEM.replace(signal_norm=1.0))
                for seed in range(first, first + 150)]
        looks = [run.validation for run in runs if run.validation is not None]
        outcomes.append(([run.steps for run in runs], [one[:, 1].max() for one in looks],
                         [run.test_error(method="monte-carlo", n_test=2000).value for run in runs]))
    for found, wanted in zip(*outcomes, strict=True):
        assert ks_2samp(found, wanted).pvalue > 1e-3


# --- sweeps -------------------------------------------------------------------------------------------------------

MEASURES = ("test_error", "memory_test_error", "precision", "recall", "stopped_at", "train_loss")
PROCEDURES: dict[str, Any] = {
    "plain": ALGORITHM,
    "stop": (ALGORITHM, ts.EarlyStopping(ts.FirstStage())),
    "best": (lambda problem: ALGORITHM, BEST),
    "select": (ALGORITHM, ts.SmallLossSelection(17)),
    "oracle": (NOISY, ts.OracleSelection(ts.LossBelow(0.5), "relabel")),
    "without": (ALGORITHM, None),
}


def sweep(**changes: Any) -> pd.DataFrame:
    """Every kind of procedure over two signals."""
    usual: dict[str, Any] = {"grid": {"signal_norm": [0.3, 3.0]}, "algorithms": PROCEDURES, "steps": STEPS, "seeds": 2,
                             "measure": MEASURES, "n_test": 500, "workers": 1}
    return ts.sweep(PROBLEM, **usual | changes)


def value(run: ts.Run, name: str) -> float | int | None:
    """A measure without the sweep."""
    if name in ("precision", "recall"):
        return None if run.selection is None else float(getattr(run.selection, name))
    return {
        "test_error": lambda: run.test_error(method="monte-carlo", n_test=500).value,
        "stopped_at": lambda: run.stopped_at,
        "memory_test_error": lambda: run.test_error(kind="memory").value,
        "train_loss": lambda: run.column("train_loss")[-1],
    }[name]()


def test_rows_are_runs() -> None:
    """Bit for bit those of simulate(); a stopped run is measured as a completed one is, and counted as such."""
    frame = sweep()
    assert len(frame) == 2 * len(PROCEDURES) * 2
    for _, row in frame.iterrows():
        given = PROCEDURES[row["algorithm"]]
        algorithm, policy = given if isinstance(given, tuple) else (given, None)
        algorithm = algorithm if isinstance(algorithm, ts.GradientDescent) else algorithm(PROBLEM)
        run = ts.simulate(PROBLEM.replace(signal_norm=row["signal_norm"]), algorithm, STEPS, row["draw_seed"],
                          policy=policy, record_at=())
        assert (row["status"], row["reason"]) == (str(run.status), "")
        for name in MEASURES:
            np.testing.assert_equal(np.nan if pd.isna(row[name]) else row[name],
                                    np.nan if (wanted := value(run, name)) is None else wanted, name)
        assert row["policy"] == repr(policy) if policy else pd.isna(row["policy"])
    assert set(frame["status"]) == {"completed", "stopped"}
    summary = ts.summarise(frame)
    assert (summary["completed"] == 2).all() and (summary["failed"] == 0).all()
    for _, row in summary.iterrows():
        rows = frame[(frame["signal_norm"] == row["signal_norm"]) & (frame["algorithm"] == row["algorithm"])]
        assert row["memory_test_error"] == pytest.approx(rows["memory_test_error"].mean(), rel=1e-12)
        assert row["memory_test_error_count"] == 2


def test_store_is_keyed_by_policy(tmp_path: Path) -> None:
    """The same again is read from the store; another policy under the same name is refused, a new name is not."""
    store, plain = tmp_path / "store.db", {"one": (ALGORITHM, ts.SmallLossSelection(17))}
    first = sweep(algorithms=plain, store=store)
    pd.testing.assert_frame_equal(sweep(algorithms=plain, store=store), first)
    for other in (ALGORITHM, (ALGORITHM, ts.SmallLossSelection(18)), (ALGORITHM, ts.OracleSelection(17)),
                  (ALGORITHM, ts.SmallLossSelection(17, action="relabel"))):
        with pytest.raises(ValueError, match="holds another sweep"):
            sweep(algorithms={"one": other}, store=store)
    more = sweep(algorithms=plain | {"two": (ALGORITHM, ts.OracleSelection(17))}, store=store)
    assert set(more["algorithm"]) == {"one", "two"}
    rows = [one.sort_values(["signal_norm", "algorithm", "seed"], ignore_index=True)
            for one in (ts.load_sweep(store), more)]
    pd.testing.assert_frame_equal(*rows, check_like=True)


@pytest.mark.parametrize("given", [(ALGORITHM, 17), (ALGORITHM,), (ALGORITHM, BEST, 1), (BEST, ALGORITHM), BEST])
def test_wrong_procedures_are_refused(given: Any) -> None:
    """With the name of the algorithm and what is allowed."""
    with pytest.raises(TypeError, match=r"algorithms\['one'\].*a pair of either and a policy"):
        sweep(algorithms={"one": given})
