"""What no run may break, whatever the problem: signs and monotonicity, symmetries, bookkeeping, identities."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import ArrayLike
from scipy.special import expit

import theorysim as ts
from theorysim.patch import stepper
from theorysim import strategies as ours
from theorysim.patch.policy import Policy
from theorysim.strategies import Array, Case

SAME = 1e-11  # two ways to compute one thing, relative to its largest entry
TINY = np.finfo(float).tiny  # below it numbers have fewer digits

ENGINES = ("coefficients", "weights", "paired")


def assert_close(found: ArrayLike, wanted: ArrayLike, least_scale: float = 0.0) -> None:
    """Equal up to rounding, measured by the largest entry wanted."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max(initial=0.0) <= SAME * max(np.abs(wanted).max(initial=0.0), least_scale)


def assert_close_gamma(found: ArrayLike, wanted: ArrayLike, run: ts.Run) -> None:
    """The same for γ, which may be a difference of large numbers.

    True and flipped labels push the signal in opposite directions. Where they balance γ is what rounding leaves of
    that, and the measure is the push of one step if all pulled together, (lr/m) σ'(⟨w, μ⟩) |μ|².
    """
    inner = np.abs(np.stack([run.draw.inner[:, 0], run.inner[:, 0]])).max()
    push = run.algorithm.lr / run.draw.m * run.problem.q * inner ** (run.problem.q - 1) * run.draw.gram[0, 0]
    assert_close(found, wanted, least_scale=push)


def assert_close_outputs(found: ArrayLike, wanted: ArrayLike, run: ts.Run, at: int | str = "end") -> None:
    """The same for outputs f = F₊ − F₋, measured by the largest vote of a filter where the branches balance."""
    inner = run.draw.inner + run.coefficients[run.record(at)] @ run.draw.gram
    assert_close(found, wanted, least_scale=np.abs(inner).max() ** run.problem.q)


def assert_identical(found: ts.Run, wanted: ts.Run) -> None:
    """Equal in every bit: observables, records, final state.

    Not run.deviation: that is the largest one seen, and the weights are compared only where a record or chunk ends.
    """
    assert (found.status, found.stopped_at) == (wanted.status, wanted.stopped_at)
    np.testing.assert_array_equal(found.rows, wanted.rows)
    np.testing.assert_array_equal(found.steps_recorded, wanted.steps_recorded)
    np.testing.assert_array_equal(found.coefficients, wanted.coefficients)
    np.testing.assert_array_equal(found.inner, wanted.inner)
    np.testing.assert_array_equal(found.weights, wanted.weights)
    assert (found.selection is None) == (wanted.selection is None)
    if found.selection is not None and wanted.selection is not None:
        for name in ("step", "flagged", "noisy", "weight", "turned"):
            np.testing.assert_array_equal(getattr(found.selection, name), getattr(wanted.selection, name))
    np.testing.assert_array_equal(found.validation, wanted.validation)


def bar(run: ts.Run) -> Array:
    """ρ̄, the coefficients of the branch a sample's observed label names: (records, m, n)."""
    positive = run.draw.observed_labels > 0
    return np.where(positive, run.rho[:, 0], run.rho[:, 1])


def under(run: ts.Run) -> Array:
    """ρ̲, those of the other branch: (records, m, n)."""
    positive = run.draw.observed_labels > 0
    return np.where(positive, run.rho[:, 1], run.rho[:, 0])


@st.composite
def comparable_runs(draw: st.DrawFn) -> tuple[ts.SignalNoise, ts.GradientDescent, int]:
    """Problem, algorithm and steps for which rounding does not grow (see stable_algorithms and comparable_steps)."""
    problem = draw(ours.lively_problems() | ours.problems())
    return problem, draw(ours.stable_algorithms(problem)), draw(ours.comparable_steps(problem, 200))


def possible(form: str, problem: ts.SignalNoise) -> str:
    """The form of a draw, or "vectors" where there is no other."""
    return form if problem.init_law == "normal" else "vectors"


# --- signs and monotonicity ---------------------------------------------------------------------------------------


def assert_memorization_is_monotone(run: ts.Run) -> None:
    """Without label noise ρ̄ ≥ 0 never falls and ρ̲ ≤ 0 never rises, exactly: every increment has that sign."""
    assert (bar(run) >= 0).all() and (under(run) <= 0).all()
    assert (np.diff(bar(run), axis=0) >= 0).all() and (np.diff(under(run), axis=0) <= 0).all()
    assert (np.diff(run.column("rho_bar_max")) >= 0).all() and (np.diff(run.column("rho_bar_min")) >= 0).all()
    assert (np.diff(run.column("rho_under_min")) <= 0).all()


@pytest.mark.compiled
@given(ours.problems(), ours.algorithms(label_noise=None), ours.seeds(), st.integers(0, 60))
def test_memorization_is_monotone(
    problem: ts.SignalNoise, algorithm: ts.GradientDescent, seed: int, steps: int
) -> None:
    """At any learning rate, up to the step where the state overflows."""
    run = ts.simulate(problem, algorithm, steps, seed, record_every=1, on_failure="return")
    assert_memorization_is_monotone(run)


@given(ours.cases(label_noise=None, max_steps=20) | ours.tied_cases(max_steps=20))
def test_memorization_is_monotone_for_given_arrays(case: Case) -> None:
    """Also with labels of one class, all flipped, and with noise not orthogonal, vanishing or equal."""
    assert_memorization_is_monotone(case.simulate())


@given(ours.cases(label_noise=None, max_steps=20) | ours.tied_cases(max_steps=20))
def test_signal_learning_is_monotone_with_clean_labels(case: Case) -> None:
    """Where observed labels are the true ones, every sample adds to γ."""
    run = case.replace(observed_labels=case.given["labels"]).simulate()
    assert (run.gamma >= 0).all() and (np.diff(run.gamma, axis=0) >= 0).all()


def test_memorization_refers_to_observed_labels() -> None:
    """With all labels flipped, ρ moves up in the branch of the observed label and not in that of the true one."""
    problem = ts.SignalNoise(n=12, d=60, m=4, signal_norm=1, noise_std=0.2, init_std=0.1, label_flip=1.0)
    run = ts.simulate(problem, ts.GradientDescent(0.5), 20, record_every=1)
    assert run.draw.noisy.all()
    assert (bar(run)[-1].max(axis=0) > 0).all()
    of_true = np.where(run.draw.labels > 0, run.rho[-1, 0], run.rho[-1, 1])
    assert (of_true <= 0).all() and of_true.min() < 0


# --- symmetries ---------------------------------------------------------------------------------------------------


@given(ours.cases(max_steps=20), ours.seeds(), ours.policies(20, validation=False))
def test_permuted_samples(case: Case, seed: int, policy: Policy | None) -> None:
    """Samples in another order: ρ and outputs in that order, γ the same."""
    order = np.random.default_rng(seed).permutation(case.given["labels"].size)
    permuted = {name: case.given[name][order] for name in ("noise", "labels", "observed_labels")}
    run, other = (one.simulate(policy=policy) for one in (
        case, case.replace(**permuted, label_noise=case.label_noise[:, order])))
    assert_close(other.rho, run.rho[..., order])
    assert_close_gamma(other.gamma, run.gamma, run)
    assert_close_outputs(other.outputs(), run.outputs()[order], run)


@given(ours.cases(max_steps=20), ours.seeds())
def test_permuted_filters(case: Case, seed: int) -> None:
    """Filters of a branch in another order: their γ and ρ in that order, outputs the same."""
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(case.given["weights"].shape[1]) for _ in range(2)]

    def permuted(values: Array) -> Array:
        """The same of an array (2, m, ...)."""
        return np.stack([branch[order] for branch, order in zip(values, orders, strict=True)])

    run, other = case.simulate(), case.replace(weights=permuted(case.given["weights"])).simulate()
    assert_close_gamma(other.gamma, np.stack([permuted(gamma) for gamma in run.gamma]), run)
    assert_close(other.rho, np.stack([permuted(rho) for rho in run.rho]))
    assert_close_outputs(other.outputs(), run.outputs(), run)


@given(ours.cases(max_steps=20))
def test_swapped_classes(case: Case) -> None:
    """Labels −y, signal −μ and branches exchanged leave every patch as it was and turn f into −f.

    So the filters swap branches: w'_j = w_{−j}. Comparing w'_j = w_j'(0) − j γ'_j μ/|μ|² + Σ ρ'_{j,i} ξ_i/|ξ_i|² with
    w_{−j} = w_{−j}(0) − j γ_{−j} μ/|μ|² + Σ ρ_{−j,i} ξ_i/|ξ_i|²: γ'_j = γ_{−j} and ρ'_j = ρ_{−j}, signs unchanged.
    """
    swapped = {name: -case.given[name] for name in ("labels", "observed_labels", "signal")}
    run, other = case.simulate(), case.replace(weights=case.given["weights"][::-1], **swapped).simulate()
    assert_close_gamma(other.gamma, run.gamma[:, ::-1], run)
    assert_close(other.rho, run.rho[:, ::-1])
    assert_close_outputs(other.outputs(), -run.outputs(), run)
    assert_close(other.column("train_loss"), run.column("train_loss"))


@given(ours.cases(max_steps=20), st.integers(0, 2**32 - 1), st.integers(0, 20), ours.policies(20, validation=False))
def test_rotated_space(case: Case, seed: int, more: int, policy: Policy | None) -> None:
    """Data and weights rotated together, also into a larger space, move as before."""
    d = case.given["signal"].size
    basis, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((d + more, d)))
    rotated = {name: case.given[name] @ basis.T for name in ("noise", "weights", "signal")}
    run, other = (one.simulate(policy=policy) for one in (case, case.replace(**rotated)))
    assert_close_gamma(other.gamma, run.gamma, run)
    assert_close(other.rho, run.rho)
    assert_close_outputs(other.outputs(), run.outputs(), run)
    assert_close(ts.reconstruct(other), ts.reconstruct(run) @ basis.T)


@given(ours.cases(max_steps=20))
def test_reflected_space(case: Case) -> None:
    """Data and weights all reflected in the origin: not a bit changes, as no inner product does."""
    reflected = {name: -case.given[name] for name in ("noise", "weights", "signal")}
    assert_identical(case.replace(**reflected).simulate(), case.simulate())


# --- scaling laws -------------------------------------------------------------------------------------------------

# Multiplying by a power of two changes the exponent of a floating-point number and nothing else. So where the
# equations have a scaling law, two runs related by it agree in every bit; a stray additive constant would show.
TWO_TO_THE = st.integers(-20, 20).map(lambda exponent: 2.0**exponent)


def assert_same_story(found: ts.Run, wanted: ts.Run) -> None:
    """Equal in every bit in all the papers speak about: observables, γ, ρ, outputs."""
    # Below 1e-308 there are fewer bits to be equal in; a loss derivative e^{−|ε f|} that small does not count.
    assume(np.abs([wanted.column("output_min"), wanted.column("output_max")]).max() < 150)
    assert (found.status, found.stopped_at) == (wanted.status, wanted.stopped_at)
    np.testing.assert_array_equal(found.rows, wanted.rows)
    np.testing.assert_array_equal(found.gamma, wanted.gamma)
    np.testing.assert_array_equal(found.rho, wanted.rho)
    np.testing.assert_array_equal(found.inner, wanted.inner)
    np.testing.assert_array_equal(found.outputs(), wanted.outputs())


@given(ours.cases(max_steps=20) | ours.tied_cases(max_steps=20), TWO_TO_THE)
def test_data_and_weights_scale_against_each_other(case: Case, s: float) -> None:
    """(μ, ξ) times s, w(0) by s, lr by s²: inner products, and with them everything measured, stay."""
    given = case.given
    scaled = case.replace(
        signal=s * given["signal"], noise=s * given["noise"], weights=given["weights"] / s, lr=case.lr / s**2
    )
    assert_same_story(scaled.simulate(), case.simulate())


@pytest.mark.compiled
@given(
    comparable_runs(), ours.seeds(), TWO_TO_THE, st.sampled_from(["vectors", "wishart"]), st.sampled_from(ENGINES)
)
def test_scales_of_a_problem(
    chosen: tuple[ts.SignalNoise, ts.GradientDescent, int], seed: int, s: float, form: str, engine: str
) -> None:
    """The same of drawn problems, in either form and any engine; a bias is part of the data."""
    problem, algorithm, steps = chosen
    scaled = problem.replace(
        signal_norm=s * problem.signal_norm, noise_std=s * problem.noise_std, bias=s * problem.bias,
        init_std=problem.init_std / s,
    )
    slowed = replace(algorithm, lr=algorithm.lr / s**2)
    options = {"draw": possible(form, problem), "engine": engine, "record_every": 1}
    run = ts.simulate(problem, algorithm, steps, seed, **options)
    other = ts.simulate(scaled, slowed, steps, seed, **options)
    assert_same_story(other, run)
    assert other.deviation == run.deviation


@given(ours.cases(max_steps=20))
def test_duplicated_filters(case: Case) -> None:
    """Every filter twice at twice the learning rate: each copy moves as the one did, outputs stay.

    In the step (lr/(nm)) both lr and m double; in the outputs twice as many filters have half the vote.
    """
    run = case.simulate()
    other = case.replace(weights=np.repeat(case.given["weights"], 2, axis=1), lr=2 * case.lr).simulate()
    assert_close_gamma(other.gamma, np.repeat(run.gamma, 2, axis=2), run)
    assert_close(other.rho, np.repeat(run.rho, 2, axis=2))
    assert_close_outputs(other.outputs(), run.outputs(), run)
    # Copies stand in one column of one product, so they cannot drift apart.
    np.testing.assert_array_equal(other.rho[:, :, ::2], other.rho[:, :, 1::2])


@given(ours.cases(max_steps=20))
def test_duplicated_samples(case: Case) -> None:
    """Every sample twice, each with a noise atom of its own: the two share its ρ, weights and outputs stay."""
    twice = {name: np.repeat(case.given[name], 2, axis=0) for name in ("noise", "labels", "observed_labels")}
    run = case.simulate()
    other = case.replace(**twice, label_noise=np.repeat(case.label_noise, 2, axis=1)).simulate()
    assert_close_gamma(other.gamma, run.gamma, run)
    assert_close(other.rho, np.repeat(run.rho / 2, 2, axis=3))
    assert_close_outputs(other.outputs(), np.repeat(run.outputs(), 2), run)


@given(ours.cases(max_steps=20), st.integers(1, 4))
def test_homogeneous_activation(case: Case, silent: int) -> None:
    """Filters of zeros dilute the vote of the others; as outputs go with w^q/m, larger filters make up for it.

    With m' filters per branch instead of m take weights c w, c = (m'/m)^{1/q}. A step (lr/(nm)) σ'(z) is to grow by c:
    lr' c^{q−1}/m' = c lr/m, so lr' = c² lr. Then γ and ρ grow by c, and filters of zeros stay where they are.
    """
    given, m = case.given, case.given["weights"].shape[1]
    c = ((m + silent) / m) ** (1 / case.q)
    weights = np.concatenate([c * given["weights"], np.zeros((2, silent, given["signal"].size))], axis=1)
    run, other = case.simulate(), case.replace(weights=weights, lr=c**2 * case.lr).simulate()
    assert not other.gamma[:, :, m:].any() and not other.rho[:, :, m:].any()
    assert_close_gamma(other.gamma[:, :, :m], c * run.gamma, run)
    assert_close(other.rho[:, :, :m], c * run.rho)
    assert_close_outputs(other.outputs(), run.outputs(), run)


# --- bookkeeping: what may not change a number --------------------------------------------------------------------


@pytest.mark.compiled
@given(
    ours.problems(), ours.algorithms(), ours.seeds(), st.integers(0, 60), st.integers(1, 70),
    st.sampled_from([1.0, 1e3, 1e4, 1e5]), st.sampled_from(ENGINES), ours.policies(),
)
def test_chunks_and_records_change_nothing(
    problem: ts.SignalNoise, algorithm: ts.GradientDescent, seed: int, steps: int, every: int, flops: float,
    engine: str, policy: Policy | None,
) -> None:
    """However often Python looks at the state and keeps it, up to the step where it overflows."""
    options: dict[str, Any] = {"engine": engine, "on_failure": "return", "policy": policy}
    wanted = ts.simulate(problem, algorithm, steps, seed, record_every=1, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stepper, "CHUNK_FLOPS", flops)
        found = ts.simulate(problem, algorithm, steps, seed, record_every=every, **options)
    kept = np.isin(wanted.steps_recorded, found.steps_recorded)
    assert set(range(0, found.steps, every)) | {found.steps} == set(found.steps_recorded.tolist())
    thinned = replace(wanted, steps_recorded=wanted.steps_recorded[kept], coefficients=wanted.coefficients[kept])
    assert_identical(found, thinned)


@pytest.mark.compiled
@given(
    ours.problems(), ours.algorithms(), ours.seeds(), st.integers(0, 30), st.integers(0, 30), st.integers(1, 40),
    st.sampled_from(ENGINES), ours.policies(validation=False), st.booleans(),
)
def test_resumed_run_is_the_straight_one(
    problem: ts.SignalNoise, algorithm: ts.GradientDescent, seed: int, first: int, more: int, every: int,
    engine: str, policy: Policy | None, saved: bool,
) -> None:
    """Split anywhere, on the grid of records or off it, before or after a policy acts, by way of a file or not."""
    options: dict[str, Any] = {"engine": engine, "on_failure": "return", "record_every": every, "policy": policy}
    straight = ts.simulate(problem, algorithm, first + more, seed, **options)
    part = ts.simulate(problem, algorithm, first, seed, **options)
    if saved:
        with TemporaryDirectory() as folder:
            part.save(Path(folder) / "run.npz")
            part = ts.load_run(Path(folder) / "run.npz")
    whole = part if part.status in ("diverged", "stopped") else ts.resume(part, more, on_failure="return")
    assert_identical(whole, straight)


@pytest.mark.compiled
@given(ours.problems(), ours.algorithms(), ours.seeds(), st.integers(0, 40), st.sampled_from(ENGINES), ours.policies())
def test_same_seed_same_run(
    problem: ts.SignalNoise, algorithm: ts.GradientDescent, seed: int, steps: int, engine: str, policy: Policy | None
) -> None:
    """Whatever a policy does, twice the same; what it keeps, the beginning of a run without it until it acts."""
    options: dict[str, Any] = {"engine": engine, "on_failure": "return", "record_every": 1}
    run, again, plain = (ts.simulate(problem, algorithm, steps, seed, policy=one, **options)
                         for one in (policy, policy, None))
    assert_identical(run, again)
    last = run.steps if run.selection is None else run.selection.step
    np.testing.assert_array_equal(run.rows[: last + 1], plain.rows[: last + 1])
    np.testing.assert_array_equal(run.coefficients[: last + 1], plain.coefficients[: last + 1])
    if run.selection is not None:
        np.testing.assert_array_equal(run.selection.noisy, run.draw.noisy)
        assert run.selection.weight.mean() == pytest.approx(1.0) or not run.selection.weight.any()


@pytest.mark.parametrize("first, more", [(1, 0), (5, 0), (5, 5), (5, 1), (6, 3), (0, 7), (0, 0)])
def test_resumed_run_keeps_the_same_records(first: int, more: int) -> None:
    """Every third step and the last one, wherever the seam is."""
    problem, algorithm = ts.SignalNoise(4, 20, 2, 1.0, 0.2, 0.1), ts.GradientDescent(0.1)
    straight = ts.simulate(problem, algorithm, first + more, record_every=3)
    assert_identical(ts.resume(ts.simulate(problem, algorithm, first, record_every=3), more), straight)


@pytest.mark.compiled
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("first", [255, 256, 257])
def test_resumed_where_label_noise_is_drawn_anew(engine: str, first: int) -> None:
    """Label noise is drawn in blocks of 256 steps; a run split at, before or after their seam goes on with it."""
    problem = ts.SignalNoise(n=6, d=40, m=2, signal_norm=1, noise_std=0.2, init_std=0.1, label_flip=0.2)
    algorithm, options = ts.GradientDescent(0.1, ts.Gaussian(1, 1)), {"engine": engine, "record_every": 100}
    straight = ts.simulate(problem, algorithm, 600, **options)
    parts = ts.resume(ts.resume(ts.simulate(problem, algorithm, first, **options), 2), 600 - first - 2)
    assert_identical(parts, straight)


@pytest.mark.compiled
@given(
    ours.problems(init_std=ours.scales(-4, 0)), ours.algorithms(), ours.seeds(), st.integers(0, 60),
    st.sampled_from([1.0, 1e4, 2e9]),
)
def test_stopped_run_is_the_beginning_of_a_longer_one(
    problem: ts.SignalNoise, algorithm: ts.GradientDescent, seed: int, goal: int, flops: float
) -> None:
    """A condition ends a run at the first step that meets it, however far ahead the kernel was."""
    options = {"record_every": 1, "on_failure": "return"}
    longer = ts.simulate(problem, algorithm, 60, seed, **options)
    threshold = longer.column("rho_bar_max")[min(goal, longer.steps)]
    first = int(np.argmax(longer.column("rho_bar_max") >= threshold))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stepper, "CHUNK_FLOPS", flops)
        run = ts.simulate(
            problem, algorithm, 60, seed, until=lambda seen: seen["rho_bar_max"] >= threshold, **options
        )
    assert (run.status, run.stopped_at, run.steps) == ("stopped", first, first)
    np.testing.assert_array_equal(run.rows, longer.rows[: first + 1])
    np.testing.assert_array_equal(run.coefficients, longer.coefficients[: first + 1])


# --- coefficients against explicit weights ------------------------------------------------------------------------


@pytest.mark.compiled
@given(comparable_runs(), ours.seeds(), st.sampled_from(["vectors", "wishart"]))
def test_coefficients_are_the_explicit_weights(
    chosen: tuple[ts.SignalNoise, ts.GradientDescent, int], seed: int, form: str
) -> None:
    """The reduction is exact: weights rebuilt from the coefficients are those of gradient descent on weights."""
    problem, algorithm, steps = chosen
    form = possible(form, problem)
    run = ts.simulate(problem, algorithm, steps, seed, engine="paired", draw=form, record_every=1)
    assert run.deviation is not None and run.deviation <= 1e-10


@given(ours.cases(max_steps=20))
def test_engines_agree_on_given_arrays(case: Case) -> None:
    """γ, ρ, outputs and weights of both engines on data in general position."""
    run, explicit = case.simulate(), case.simulate(engine="weights")
    assert explicit.weights is not None
    assert_close(explicit.weights.reshape(case.given["weights"].shape), ts.reconstruct(run))
    assert_close_gamma(explicit.gamma, run.gamma, run)
    assert_close(explicit.rho, run.rho)
    assert_close_outputs(explicit.outputs(), run.outputs(), run)


# --- observables are what records say -----------------------------------------------------------------------------


def recomputed(run: ts.Run, at: int) -> dict[str, float]:
    """The coefficient columns of one recorded step from run.gamma and run.rho."""
    position, noisy = run.record(at), run.draw.noisy
    gamma, memory = run.gamma[position], bar(run)[position].max(axis=0)
    start = run.draw.inner[:, run.draw.owner >= 0].reshape(2, run.draw.m, -1)
    active = bar(run)[position][np.where(run.draw.observed_labels > 0, start[0], start[1]) >= 0]
    return {
        "gamma_max": gamma.max(),
        "gamma_min": gamma.min(),
        "rho_bar_max": memory.max(),
        "rho_bar_max_clean": memory[~noisy].max() if not noisy.all() else np.nan,
        "rho_bar_max_noisy": memory[noisy].max() if noisy.any() else np.nan,
        "rho_bar_min": memory.min(),
        "rho_under_min": under(run)[position].min(),
        "rho_bar_active_min": active.min() if active.size else np.nan,
    }


@given(ours.cases(max_steps=20), st.integers(1, 7))
def test_coefficient_columns(case: Case, every: int) -> None:
    """Largest and smallest γ, ρ̄ and ρ̲ at recorded steps, exactly."""
    run = case.simulate(record_every=every)
    for step in run.steps_recorded.tolist():
        wanted = recomputed(run, step)
        np.testing.assert_array_equal([run.column(name)[step] for name in wanted], list(wanted.values()))


@given(ours.cases(max_steps=20) | ours.tied_cases(max_steps=20), st.integers(1, 7))
def test_output_columns(case: Case, every: int) -> None:
    """Loss, extreme margins and accuracies at recorded steps from run.outputs."""
    run = case.simulate(record_every=every)
    for step in run.steps_recorded.tolist():
        margin = run.draw.observed_labels * run.outputs(step)
        seen = {name: run.column(name)[step] for name in ("train_loss", "train_accuracy", "output_min", "output_max")}
        assert_close_outputs([seen["output_min"], seen["output_max"]], [margin.min(), margin.max()], run, step)
        for name, chosen, extreme in (("output_min_clean", ~run.draw.noisy, np.min),
                                      ("output_max_noisy", run.draw.noisy, np.max)):
            if chosen.any():
                assert_close_outputs(run.column(name)[step], extreme(margin[chosen]), run, step)
            else:
                assert np.isnan(run.column(name)[step])
        assert_close(seen["train_loss"], np.logaddexp(0, -margin).mean(), least_scale=np.log(2))
        # A margin within rounding of 0 may count as either sign.
        doubt = SAME * max(1.0, np.abs(margin).max())
        assert (margin > doubt).mean() <= seen["train_accuracy"] <= (margin > -doubt).mean()


@given(ours.cases(max_steps=20))
def test_accuracies_and_derivatives(case: Case) -> None:
    """Train accuracy is composed of the clean and the noisy share; extreme derivatives belong to extreme margins."""
    run = case.simulate()
    noisy, n = int(run.draw.noisy.sum()), run.draw.n
    clean_share, noisy_share = run.column("clean_accuracy"), run.column("noisy_accuracy")
    assert np.isnan(clean_share).all() if noisy == n else not np.isnan(clean_share).any()
    assert np.isnan(noisy_share).all() if noisy == 0 else not np.isnan(noisy_share).any()
    right = np.nan_to_num(clean_share) * (n - noisy) + np.nan_to_num(noisy_share) * noisy
    np.testing.assert_allclose(right, run.column("train_accuracy") * n, rtol=0, atol=1e-12)
    for derivative, margin in (("loss_derivative_min", "output_max"), ("loss_derivative_max", "output_min")):
        np.testing.assert_allclose(run.column(derivative), expit(-run.column(margin)), rtol=1e-14, atol=TINY)


@given(ours.cases(max_steps=20))
def test_inner_products_and_weights(case: Case) -> None:
    """The final inner products, reconstructed weights and predictions on the training patches tell one story."""
    run, given = case.simulate(), case.given
    filters = ts.reconstruct(run).reshape(2 * run.draw.m, -1)
    by_hand = run.draw.weights + _motion(run) @ np.concatenate([given["signal"][None], given["noise"]])
    assert_close(filters, by_hand)
    assert_close(run.inner, filters @ run.draw.vectors.T)
    patches = np.stack([given["labels"][:, None] * given["signal"], given["noise"]], axis=1)
    assert_close_outputs(run.predict(patches), run.outputs(), run)


def _motion(run: ts.Run) -> Array:
    """Coefficients j γ/|μ|² and ρ_i/|ξ_i|² at the end, (2m, n+1), as the papers write them; 0 where μ = 0."""
    norm_sq = np.diag(run.draw.gram)
    signed = run.gamma[-1] * np.array([[1.0], [-1.0]])
    along_signal = np.divide(signed, norm_sq[0], out=np.zeros_like(signed), where=norm_sq[0] > 0)
    return np.concatenate([along_signal[..., None], run.rho[-1] / norm_sq[1:]], axis=2).reshape(2 * run.draw.m, -1)


# --- label noise --------------------------------------------------------------------------------------------------


@given(ours.problems(), ours.scales(-3, 1), ours.seeds(), st.sampled_from(ENGINES))
def test_zero_multipliers_freeze(problem: ts.SignalNoise, lr: float, seed: int, engine: str) -> None:
    """With the degenerate law U[0, 0] no step moves anything."""
    run = ts.simulate(problem, ts.GradientDescent(lr, ts.Uniform(0, 0)), 10, seed, engine=engine, record_every=1)
    assert not run.coefficients.any()
    if engine == "coefficients":
        np.testing.assert_array_equal(run.inner, run.draw.inner)
    else:
        np.testing.assert_array_equal(run.weights, run.draw.weights)
    assert (run.rows == run.rows[0])[:, ~np.isnan(run.rows[0])].all()


@given(ours.cases(ours.problems(n=st.integers(2, 12), **ours.PLAIN), max_steps=20), ours.seeds())
def test_silenced_sample(case: Case, seed: int) -> None:
    """A sample whose multiplier is always 0 moves nothing: neither its noise nor its label is learned.

    Its label has no influence on a single bit; without it the others train as with lr (n−1)/n.
    """
    n = case.given["labels"].size
    i = int(np.random.default_rng(seed).integers(n))
    multipliers = case.label_noise.copy()
    multipliers[:, i] = 0.0
    silenced = case.replace(label_noise=multipliers)
    run = silenced.simulate()
    assert not run.rho[..., i].any()

    relabelled = case.given["observed_labels"].copy()
    relabelled[i] *= -1
    other = silenced.replace(observed_labels=relabelled).simulate()
    np.testing.assert_array_equal(other.coefficients, run.coefficients)

    rest = np.arange(n) != i
    without = {name: case.given[name][rest] for name in ("noise", "labels", "observed_labels")}
    other = case.replace(**without, label_noise=multipliers[:, rest], lr=case.lr * (n - 1) / n).simulate()
    assert_close_gamma(other.gamma, run.gamma, run)
    assert_close(other.rho, run.rho[..., rest])
    assert_close(ts.reconstruct(other), ts.reconstruct(run))


@pytest.mark.compiled
@given(
    ours.problems(), ours.scales(-3, 3), ours.seeds(), st.sampled_from(ENGINES),
    st.sampled_from([ts.Flip(0), ts.Gaussian(1, 0), ts.Uniform(1, 1)]),
)
def test_laws_that_are_certain_of_one(
    problem: ts.SignalNoise, lr: float, seed: int, engine: str, law: ts.Flip
) -> None:
    """Label noise that is always 1 is no label noise, in every bit."""
    options = {"engine": engine, "record_every": 1, "on_failure": "return"}
    noisy = ts.simulate(problem, ts.GradientDescent(lr, law), 30, seed, **options)
    assert_identical(noisy, ts.simulate(problem, ts.GradientDescent(lr), 30, seed, **options))


@given(
    ours.cases(label_noise=None, max_steps=20), st.sampled_from([ts.Flip(1), ts.Gaussian(-1, 0), ts.Uniform(-1, -1)])
)
def test_laws_that_are_certain_of_minus_one(case: Case, law: ts.Flip) -> None:
    """Always flipped labels y are labels −y: the same coefficients in every bit, seen from the other side."""
    problem = ours.problem_of(case.given, case.q, case.orthogonal_noise)
    draw = ts.Draw.from_arrays(**case.given)
    flipped = ts.simulate(problem, ts.GradientDescent(case.lr, law), case.steps, draw=draw, record_every=1)
    opposite = case.replace(observed_labels=-case.given["observed_labels"]).simulate()
    np.testing.assert_array_equal(flipped.coefficients, opposite.coefficients)
    np.testing.assert_array_equal(flipped.inner, opposite.inner)
    np.testing.assert_array_equal(flipped.column("output_min"), -opposite.column("output_max"))
    np.testing.assert_array_equal(bar(flipped), under(opposite))
