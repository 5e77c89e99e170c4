"""Policies under every training rule: against explicit weights in loops, in parts, on disk, and what is refused."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import naive_rules
import numpy as np
import pytest
import test_rules
from all_systems import BY_LAW, HAN, SIGNAL, assert_same, assert_same_run, control_c, images, one_step_chunks
from all_systems import Case as Setting
from naive_rules import History, Taken
from numpy.typing import NDArray
from rule_cases import (
    PROBLEM, SEED, Case, assert_agrees, assert_close, batch_sizes, network_of, readout_of, rule_of, samples_of,
    taken_from,
)

import theorysim as ts
from theorysim.patch.begin import start
from theorysim.patch.guard import _held_out
from theorysim.patch.policy import LOSS_VALUES, Selection

Array = NDArray[np.float64]
STEPS = 50
RULES = {name: rule if not isinstance(rule.lr, ts.Values) else replace(rule, lr=0.2)
         for name, rule in test_rules.IN_PARTS.items()}
AT = 13


# --- against explicit weights ----------------------------------------------------------------------------------------


def taken(case: Case) -> Taken:
    """What the package takes at the steps."""
    source = start(case.problem, case.algorithm, case.steps, case.seed, draw=case.drawn).source
    return taken_from(source, case.problem, case.algorithm, 0, case.steps, case.drawn)


def trained(case: Case, given: Taken, scale: Array | float = 1.0, turned: Array | float = 1.0, at: int = 0) -> History:
    """The reference's training, from step ``at`` on with weights and signs of samples: Σ_i ω_i ℓ_i over a batch's size.
    """
    sizes = np.array(batch_sizes(case.problem.n, case.algorithm.batch_size, case.algorithm.replacement, case.steps))
    per = 1 / sizes[:, None] if case.problem.reduction == "mean" else 1.0
    count, eps = given.count * per, given.eps.copy()
    count[at:] *= scale
    eps[at:] *= turned
    draw, network = case.drawn, replace(network_of(case.problem), mean=False)
    return naive_rules.train(network, rule_of(case.algorithm), replace(given, count=count, eps=eps), samples_of(draw),
                             draw.observed_labels, draw.weights, readout_of(case.problem))


def losses(case: Case, history: History, step: int) -> list[float]:
    """ℓ(ỹ_i f_i) at a step."""
    pairs = zip(case.drawn.observed_labels, history.outputs[step], strict=True)
    return [naive_rules.LOSSES[case.problem.loss](float(y * f))[0] for y, f in pairs]


def threshold_of(case: Case, history: History, step: int) -> float:
    """Between the second and third of the losses."""
    return float(np.mean(sorted(losses(case, history, step))[1:3]))


def selected(case: Case, flagged: NDArray[np.bool_], action: str, weight: float) -> tuple[Array, Array]:
    """ω_i as scaled, and signs of the labels."""
    omega = np.array([{"drop": 0.0, "relabel": 1.0, "downweight": weight}[action] if f else 1.0 for f in flagged])
    if case.problem.reduction == "mean":
        omega /= sum(omega) / len(omega)
    return omega, np.array([-1.0 if f and action == "relabel" else 1.0 for f in flagged])


def assert_selects(case: Case, kind: str, action: str, engine: str = "coefficients") -> None:
    """A run that selects at a step agrees with the reference that does."""
    given = taken(case)
    before = trained(case, given)
    if kind == "oracle":
        flagged, policy = case.drawn.noisy, ts.OracleSelection(AT, action, 0.3)
    else:
        threshold = threshold_of(case, before, AT)
        flagged = np.array(losses(case, before, AT)) > threshold
        policy = ts.SmallLossSelection(AT, threshold, action, 0.3)
    assert 0 < flagged.sum() < len(flagged)
    omega, turned = selected(case, flagged, action, 0.3)
    run = case.run(engine, policy=policy)
    assert run.selection.step == AT
    np.testing.assert_array_equal(run.selection.flagged, flagged)
    np.testing.assert_allclose(run.selection.weight, omega, rtol=1e-14)
    after = trained(case, given, omega, turned, AT)
    assert_agrees(run, after)
    blind = case.algorithm.label_smoothing == 1 and action == "relabel"  # then both labels count alike
    assert (np.abs(after.weights[-1] - before.weights[-1]).max() > 1e-5) == (not blind), "it makes a difference"


@pytest.mark.parametrize(("kind", "action", "engine"), [
    ("small loss", "relabel", "coefficients"), ("oracle", "downweight", "weights"),
    ("small loss", "drop", "coefficients")])
@pytest.mark.parametrize("name", RULES)
def test_selection_is_explicit(name: str, kind: str, action: str, engine: str) -> None:
    """Under every rule."""
    assert_selects(Case(RULES[name], steps=STEPS), kind, action, engine)


@pytest.mark.parametrize("action", ["drop", "relabel", "downweight"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("loss", naive_rules.LOSSES)
def test_selection_by_every_loss(loss: str, reduction: str, action: str) -> None:
    """By the problem's own loss, and of sums of losses without a mean."""
    rule = replace(RULES["batches"], lr=0.05 if reduction == "mean" else 0.01, label_noise=ts.Flip(0.1))
    case = Case(rule, PROBLEM.replace(loss=loss, reduction=reduction, activation=ts.LeakyReLU(0.3)), steps=STEPS)
    assert_selects(case, "small loss", action)
    assert_selects(replace(case, algorithm=replace(rule, batch_size=None, momentum=0.5)), "oracle", action)


@pytest.mark.parametrize("loss", naive_rules.LOSSES)
def test_losses_of_margins(loss: str) -> None:
    """One by one, far out too."""
    margins = np.array([-50.0, -1.0, 0.0, 0.3, 1.0, 2.0, 50.0])
    expected = [naive_rules.LOSSES[loss](float(margin))[0] for margin in margins]
    np.testing.assert_allclose(LOSS_VALUES[loss](margins), expected, rtol=1e-14, atol=0)
    selection = Selection.of(ts.SmallLossSelection(0, 0.6), 0, margins, margins > 0, loss)
    np.testing.assert_array_equal(selection.flagged, np.array(expected) > 0.6)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("loss", ["logistic", "hinge"])
def test_dropped_samples_are_as_if_never_there(loss: str, reduction: str) -> None:
    """The oracle that drops at step 0 trains on the clean samples alone, whether their losses are averaged or added."""
    problem = HAN.replace(loss=loss, reduction=reduction)
    rule = ts.GradientDescent(0.08 if reduction == "mean" else 0.006, momentum=0.5, weight_decay=0.01)
    run = ts.simulate(problem, rule, STEPS, 2, draw="vectors", policy=ts.OracleSelection(0, "drop"))
    clean, vectors = ~run.draw.noisy, run.draw.vectors
    draw = ts.Draw.from_arrays(noise=vectors[1:][clean], weights=run.draw.weights.reshape(2, 4, -1),
                               labels=run.draw.labels[clean], signal=vectors[0])
    alone = ts.simulate(problem.replace(n=int(clean.sum())), rule, STEPS, 2, draw=draw)
    assert 0 < clean.sum() < problem.n
    np.testing.assert_allclose(run.gamma, alone.gamma, rtol=0, atol=1e-11)
    np.testing.assert_allclose(run.rho[..., clean], alone.rho, rtol=0, atol=1e-11)
    assert not run.rho[..., ~clean].any()


def level_of(loss: Array) -> tuple[float, int]:
    """A level of the loss that is met for the first time at a step after others, and this step."""
    lowest = np.minimum.accumulate(loss)
    step = int(np.flatnonzero(np.diff(lowest) < 0)[:30][-1]) + 1
    return float((lowest[step - 1] + lowest[step]) / 2), step


@pytest.mark.parametrize("name", RULES)
def test_early_stopping_is_explicit(name: str) -> None:
    """A run under every rule ends where the reference's loss is first below a level, and as the reference is there."""
    case = Case(RULES[name], steps=STEPS)
    history = trained(case, taken(case))
    level, step = level_of(np.array([row["train_loss"] for row in history.rows]))
    run = case.run(policy=ts.EarlyStopping(ts.LossBelow(level)))
    assert (run.status, run.steps) == ("stopped", step) and step > 3
    assert_agrees(run, History(*(getattr(history, part)[: step + 1] for part in
                                 ("weights", "readouts", "outputs", "sizes", "rows"))))


@pytest.mark.parametrize("name", RULES)
def test_best_validation_is_explicit(name: str) -> None:
    """The accuracy at every look is that of explicit weights on the held-out set, and the first best one is kept."""
    case, at = Case(RULES[name], PROBLEM.replace(d=30), steps=STEPS), ts.BestValidation(40, 3, 5)
    history = trained(case, taken(case))
    run = case.run(policy=ts.EarlyStopping(at))
    patches, labels = _held_out(at, case.problem, case.drawn, case.seed)
    network = network_of(case.problem)
    found = []
    for step in range(0, STEPS + 1, 3):
        outputs = network.outputs(history.weights[step], history.readouts[step], np.moveaxis(patches, 1, 0))
        found.append(np.mean(labels * outputs > 0))
    looks = run.validation
    np.testing.assert_array_equal(looks[:, 0], 3 * np.arange(len(looks)))
    np.testing.assert_array_equal(looks[:, 1], found[: len(looks)])
    best = int(np.argmax(looks[:, 1]))
    assert run.steps == 3 * best and len(looks) == min(best + 6, len(found))
    assert_close(run.weights_at()[None], history.weights[run.steps][None])


def test_validation_has_something_to_choose() -> None:
    """Under the rules above the best look is neither always the first nor always the last."""
    case = Case(RULES["plain"], PROBLEM.replace(d=30), steps=STEPS)
    best = {replace(case, algorithm=rule).run(policy=ts.EarlyStopping(ts.BestValidation(40, 3, 5))).steps
            for rule in RULES.values()}
    assert len(best) > 3 and max(best) > 0


@pytest.mark.parametrize("action", ["drop", "relabel", "downweight"])
def test_selection_of_clients(action: str) -> None:
    """Each has the mean over its own samples with ω_i as scaled over all, from the step of the selection on."""
    problem = ts.SignalNoise(n=7, d=40, m=3, signal_norm=2.0, noise_std=0.5, init_std=0.1, label_flip=0.4)
    rule, clients, every = ts.GradientDescent(0.3, ts.Flip(0.1), clients=3, local_steps=5), 3, 5
    run = ts.simulate(problem, rule, 40, 3, draw="vectors", policy=ts.OracleSelection(AT, action, 0.25))
    draw, flips = run.draw, run.label_multipliers()
    patches, vote = samples_of(draw), np.repeat([1 / 3, -1 / 3], 3)
    omega, turned = selected(Case(rule, problem), draw.noisy, action, 0.25)
    weights = [draw.weights.copy() for _ in range(clients)]
    for t in range(40):
        for c in range(clients):
            mine, gradient = range(c, 7, clients), np.zeros_like(draw.weights)
            for i in mine:
                label = draw.observed_labels[i] * flips[t, i] * (turned[i] if t >= AT else 1)
                inner = np.maximum(patches[i] @ weights[c].T, 0)  # (P, 2m)
                pull = (omega[i] if t >= AT else 1) * label / (1 + np.exp(label * (inner**2 @ vote).sum())) / len(mine)
                gradient -= pull * (2 * inner * vote).T @ patches[i]
            weights[c] = weights[c] - 0.3 * gradient
        if (t + 1) % every == 0:
            weights = [sum(weights) / clients] * clients
    assert 0 < draw.noisy.sum() < 7
    np.testing.assert_allclose(run.weights_at(), sum(weights) / clients, rtol=1e-10, atol=1e-12)


# --- in parts, interrupted, on disk ----------------------------------------------------------------------------------

CLIENTS = {"clients": ts.GradientDescent(0.08, ts.Gaussian(1.0, 0.3), clients=3, local_steps=10, momentum=0.5)}
SLOW = {name: replace(rule, lr=0.02 * (1 - rule.momentum)) for name, rule in RULES.items()
        if not isinstance(rule.lr, ts.Warmup | ts.Cosine | ts.Exponential | ts.Steps | ts.Until)}
SLOW |= {"warm-up": ts.GradientDescent(ts.Warmup(0.08, 30)), "steps": ts.GradientDescent(ts.Steps((0.08, 0.02), (17,)))}
BEST = ts.EarlyStopping(ts.BestValidation(samples=60, every=4, patience=5))
POLICIES: dict[str, Any] = {
    "best": BEST, "loss": ts.EarlyStopping(ts.LossBelow(0.675)), "first stage": ts.EarlyStopping(ts.FirstStage(0.05)),
    "step": ts.EarlyStopping(29), "small loss": ts.SmallLossSelection(17, action="relabel"),
    "oracle": ts.OracleSelection(ts.LossBelow(0.69), "downweight", 0.25),
    "small loss, drop": ts.SmallLossSelection(ts.FirstStage(0.02), 0.68),
}


@cache
def setting(name: str, policy: str) -> Setting:
    """A problem on which a policy has something to do, under a rule."""
    rule = (SLOW | CLIENTS)[name]
    problem = HAN.replace(signal_norm=1.0, d=60, noise_std=0.35)
    return Setting(problem, rule, {"policy": POLICIES[policy], "draw": "vectors"})


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", [*SLOW, *CLIENTS])
def test_in_parts(name: str, policy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted at random, twice, saved and loaded in between, then resumed: the straight run in every bit."""
    case = setting(name, policy)
    straight = case.simulate(record_every=10)
    last = straight.steps if straight.validation is None else int(straight.validation[-1, 0])
    one_step_chunks(monkeypatch)
    rng = np.random.default_rng(len(name) + 100 * len(policy))
    for moment in sorted({int(rng.integers(0, max(1, last))), max(0, straight.steps - 1), min(17, max(0, last - 1))}):
        if moment >= last:
            continue
        with control_c(monkeypatch, moment):
            run = case.simulate(record_every=10)
        assert (run.status, run.steps) == ("interrupted", moment)
        run.save(tmp_path / "run.npz")
        loaded = ts.load_run(tmp_path / "run.npz")
        assert_same(loaded, run)
        if moment + 3 < last:
            with control_c(monkeypatch, 3):
                loaded = case.resume(loaded, case.steps - moment)
        assert_same_run(case.resume(loaded, case.steps - loaded.steps), straight)


def test_policies_act_above() -> None:
    """Each ends a run, selects or goes back under some rule, in the midst of it."""
    for policy in POLICIES:
        acted = set()
        for name in ("plain", "momentum", "SAM", "batches", "clients"):
            run = setting(name, policy).simulate()
            acted.add(run.selection.step if run.selection is not None else run.stopped_at)
        assert any(step is not None and 0 < step < 60 for step in acted), (policy, acted)


NETWORKS: dict[str, tuple[Any, ts.GradientDescent, Any]] = {
    "hinge, leaky": (SIGNAL.replace(loss="hinge", activation=ts.LeakyReLU()), RULES["mixed"],
                     ts.SmallLossSelection(13, 0.9, "downweight")),
    "squared sum": (SIGNAL.replace(loss="squared", reduction="sum"),
                    ts.GradientDescent(0.02, batch_size=2, momentum=0.5), ts.OracleSelection(13)),
    "exponential, erf": (SIGNAL.replace(loss="exponential", activation=ts.Erf()), RULES["normalised, all"],
                         ts.SmallLossSelection(13, 0.9, "relabel")),
    "by law": (BY_LAW, RULES["mixed"], ts.EarlyStopping(ts.BestValidation(50, 3, 6))),
    "by law, selection": (BY_LAW, RULES["replacement, readout"], ts.OracleSelection(20, "relabel")),
    "images": (images(), RULES["SAM, readout"], ts.SmallLossSelection(20, action="downweight")),
    "readout": (SIGNAL.replace(readout=(1.0, 0.5, -0.5, -1.0)), RULES["dropout, readout"],
                ts.EarlyStopping(ts.BestValidation(50, 3, 6))),
}


@pytest.mark.parametrize("engine", ["coefficients", "weights", "paired"])
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_in_parts(name: str, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of other losses, activations, readouts and data, in every engine."""
    problem, rule, policy = NETWORKS[name]
    case = Setting(problem, rule, {"policy": policy, "engine": engine, "draw": "vectors"}, 40)
    straight = case.simulate(record_every=7)
    one_step_chunks(monkeypatch)
    for moment in (5, 13, 17):
        if moment < straight.steps:
            with control_c(monkeypatch, moment):
                run = case.simulate(record_every=7)
            run.save(tmp_path / "run.npz")
            assert_same_run(case.resume(ts.load_run(tmp_path / "run.npz"), 40 - moment), straight)


def test_again_keeps_what_a_selection_did() -> None:
    """Made again from its seed under a rule, a run with a policy is the same with more records."""
    for name in ("mixed", "clients"):
        for policy in ("small loss", "step", "best"):
            case = setting(name, policy)
            run = case.simulate()
            more = ts.again(run, record_at=[run.steps // 2])
            np.testing.assert_array_equal(more.coefficients[-1], run.coefficients[-1])
            assert more.policy == run.policy and more.status == run.status


# --- what is refused, and what is not carried over --------------------------------------------------------------------


def test_another_rule_while_the_best_step_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is refused: the best state so far is one of the rule before, which another has no place for."""
    case = setting("momentum", "best")
    one_step_chunks(monkeypatch)
    with control_c(monkeypatch, 6):
        run = case.simulate()
    assert run.best is not None
    for other in (SLOW["plain"], replace(case.algorithm, momentum=0.1), CLIENTS["clients"]):
        with pytest.raises(ValueError, match="algorithm=.*must be the run's own, .*resume\\(run, 0\\) ends it there"):
            ts.resume(run, 5, algorithm=other)
    assert_same_run(ts.resume(run, 54, algorithm=replace(case.algorithm)), case.simulate())
    ended = ts.resume(ts.resume(run, 0), 5, algorithm=SLOW["plain"])
    assert ended.status == "completed" and len(ended.phases) == 1 and ended.column("train_loss")[-1] < 1


@pytest.mark.parametrize(("call", "words"), [
    (lambda: ts.simulate(SIGNAL.replace(d=40), ts.GradientDescent(0.1, weight_noise=0.1), 2, policy=BEST,
                         draw="wishart"),
     "weight_noise=0.1: with policy=EarlyStopping.* must be 0, or draw='vectors'"),
    (lambda: ts.simulate(BY_LAW.replace(d=90), ts.GradientDescent(0.1, weight_noise=0.1), 2, policy=BEST),
     "weight_noise=0.1: with policy=EarlyStopping.* must be 0, or draw='vectors'"),
    (lambda: ts.simulate(images(), ts.GradientDescent(0.1), 2, policy=BEST), "patch data has no distribution"),
    (lambda: ts.simulate(SIGNAL, ts.GradientDescent(0.1), 2, policy=BEST, observe="outputs"), "observe='outputs'"),
    (lambda: ts.resume(ts.simulate(SIGNAL, ts.GradientDescent(0.1), 2, policy=ts.OracleSelection(1)), 2,
                       observe="outputs"), "observe='outputs': must be 'all' with until= or policy="),
])
def test_refused(call: Callable[[], object], words: str) -> None:
    """With the reason."""
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("draw", ["vectors", "wishart"])
def test_accuracy_under_noise_on_weights(draw: str) -> None:
    """Where all coordinates are there it is that of fresh data; where they are not only other policies are allowed."""
    problem, rule = HAN.replace(q=2, d=2000, label_flip=0.0), ts.GradientDescent(0.08, weight_noise=0.02)
    if draw == "wishart":
        run = ts.simulate(problem, rule, 40, draw=draw, policy=ts.SmallLossSelection(20))
        assert run.selection is not None and run.draw.form == "wishart"
        return
    gaps = []
    for seed in range(12):
        run = ts.simulate(problem, rule, 40, seed, draw=draw, policy=ts.EarlyStopping(ts.BestValidation(2000, 40, 9)))
        plain = ts.simulate(problem, rule, 40, seed, draw=draw)
        gaps.append(run.validation[-1, 1] - 1 + plain.test_error(n_test=4000, method="monte-carlo").value)
    spread = np.sqrt(0.25 / 2000 + 0.25 / 4000)  # at most
    assert np.abs(gaps).max() < 4 * spread


@pytest.mark.parametrize("policy", [ts.OracleSelection(5, "relabel"), ts.SmallLossSelection(5), BEST,
                                    ts.EarlyStopping(30)])
def test_other_data_know_no_policy(policy: Any) -> None:
    """A run that goes on with other data has none, nor what it did: it is that of a run without one from the weights.
    """
    run = ts.simulate(HAN, ts.GradientDescent(0.08), 20, SEED, draw="vectors", policy=policy)
    further = ts.resume(run, 10, draw=ts.Draw.from_problem(HAN, 9, "vectors"))
    assert (further.policy, further.selection, further.validation, further.best) == (None, None, None, None)
    assert further.status == "completed" and further.steps == run.steps + 10
    begun = further.draw.with_weights(run.weights_at().reshape(2, HAN.m, -1))
    alone = ts.simulate(HAN, ts.GradientDescent(0.08), 10, 9, draw=begun)
    np.testing.assert_allclose(further.weights_at(), alone.weights_at(), rtol=1e-10, atol=1e-12)
