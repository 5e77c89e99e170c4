"""Test errors of data by law against brute force over samples written out, and intervals against known truth."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from patch_sampler import Sampler
from scipy.stats import binom, binomtest, norm

import theorysim as ts
from theorysim.patch.risk import Estimate
from theorysim.patch.risk.mixture import hits, mixture

Array = NDArray[np.float64]
SAMPLES = 40_000
SIGNAL, SPURIOUS, NOISE = ts.Signal(0.5), ts.Spurious(0.9, 0.8), ts.Noise(0.5)
ALGORITHM = ts.GradientDescent(0.3)
LAWS: dict[str, list[ts.PatchLaw]] = {
    "signal-noise": [SIGNAL, NOISE],
    "noise in all directions": [SIGNAL, ts.Noise(0.5, orthogonal=False)],
    "spurious": [SIGNAL, SPURIOUS, NOISE],
    "two noise patches": [SIGNAL, ts.Noise(0.4), SPURIOUS, ts.Noise(0.3, orthogonal=False)],
    "shared noise": [SIGNAL, ts.Noise(0.4, name="xi"), SPURIOUS, ts.Noise(0.3, name="xi")],
    "one patch": [SIGNAL + NOISE],
    "one patch, all directions": [SIGNAL + SPURIOUS + ts.Noise(0.5, orthogonal=False)],
    "sums of both": [SIGNAL + ts.Noise(0.3), SPURIOUS + ts.Noise(0.4, orthogonal=False) + ts.Noise(0.1)],
    "XOR": [ts.XOR(0.8), NOISE],
    "XOR and noise in one": [ts.XOR(0.8) + NOISE],
    "long tail": [ts.LongTail((1.0, 0.5, 0.7), (0.6, 0.3, 0.1)), NOISE],
    "constant": [ts.ConstantPatch(0.8) + NOISE, SIGNAL, ts.Zero()],
    "shared feature": [ts.Signal(0.5, name="v") + NOISE, ts.Signal(0.3, name="v")],
}
every_law = pytest.mark.parametrize("laws", LAWS.values(), ids=LAWS.keys())


def trained(
    laws: list[ts.PatchLaw], steps: int = 40, seed: int = 1, draw: str = "vectors", **fields: Any
) -> ts.PatchRun:
    """A small run that makes errors."""
    default: dict[str, Any] = {"n": 12, "d": 14, "m": 2, "init_std": 0.3}
    run: ts.PatchRun = ts.simulate(ts.PatchModel(laws, **default | fields), ALGORITHM, steps, seed, draw=draw,
                                   record_every=20)
    return run


def sampled(run: ts.PatchRun, samples: int = SAMPLES) -> tuple[Array, Array, list[dict[str, str]]]:
    """Patches, labels and what chance decided of fresh samples, in the coordinates of the draw."""
    coordinates = run.draw.vectors.shape[1] - bool(run.problem.bias)
    sampler = Sampler(run.problem, coordinates, 12345)
    found = [sampler.sample() for _ in range(samples)]
    patches, labels, decided = zip(*found, strict=True)
    return np.array(patches), np.array(labels, dtype=float), list(decided)


def outputs(run: ts.PatchRun, patches: Array, at: Any = "end") -> Array:
    """f(x) by explicit weights."""
    weights = run.weights_at(at).reshape(2, run.draw.m, -1)
    powers = np.maximum(np.einsum("npd,jrd->njrp", patches, weights), 0.0) ** run.problem.q
    found: Array = powers.mean(axis=2).sum(axis=2) @ [1.0, -1.0]
    return found


def assert_agree(found: Estimate, wrong: Array) -> None:
    """Two independent Monte Carlo values within 4 standard errors of their difference."""
    own = (found.high - found.low) / (2 * 1.96)
    theirs = max(wrong.std(), 0.5 / wrong.size**0.5) / wrong.size**0.5
    assert abs(found.value - wrong.mean()) < 4 * np.hypot(theirs, own)
    assert found.low <= found.value <= found.high


@every_law
def test_error_is_that_of_fresh_samples(laws: list[ts.PatchLaw]) -> None:
    """Every law, at the start and at the end, against true and observed labels."""
    run = trained(laws, label_flip=(0.1, 0.3))
    patches, labels, _ = sampled(run)
    for at in (0, 40):
        wrong = labels * outputs(run, patches, at) <= 0
        assert_agree(run.test_error(at, method="monte-carlo"), wrong)
        rate = np.where(labels > 0, 0.1, 0.3)
        assert_agree(run.test_error(at, method="monte-carlo", labels="observed"), np.where(wrong, 1 - rate, rate))
    assert 0.005 < run.test_error(0, method="monte-carlo").value < 0.9


FIELDS: dict[str, dict[str, Any]] = {
    "bias": {"bias": -0.6}, "ReLU": {"q": 1}, "q = 2.5": {"q": 2.5}, "uniform": {"init_law": "uniform", "bias": 0.4},
    "Wishart": {"draw": "wishart", "d": 60}, "Wishart with bias": {"draw": "wishart", "d": 60, "bias": 0.5},
    "one sample": {"n": 1}, "flipped": {"label_flip": 0.4},
}


@pytest.mark.parametrize("fields", FIELDS.values(), ids=FIELDS.keys())
@pytest.mark.parametrize("name", ["two noise patches", "sums of both", "XOR"])
def test_error_of_other_networks(name: str, fields: dict[str, Any]) -> None:
    """Other powers, a bias, other draws."""
    run = trained(LAWS[name], **fields)
    patches, labels, _ = sampled(run, 15_000)
    assert_agree(run.test_error(method="monte-carlo"), labels * outputs(run, patches) <= 0)


@pytest.mark.parametrize("name", ["spurious", "one patch, all directions", "sums of both"])
def test_group_accuracy(name: str) -> None:
    """Of the majority and the minority, with the label too; the groups together are all."""
    run = trained(LAWS[name])
    patches, labels, decided = sampled(run)
    right = labels * outputs(run, patches) > 0
    agrees = np.array([next(iter(one.values())) == "agrees" for one in decided])
    table = run.group_accuracy()
    for (outcome,), row in table.iterrows():
        mine = right[agrees == (outcome == "agrees")]
        assert_agree(Estimate(*row[["test_accuracy", "low", "high"]], "monte-carlo"), mine)
        error = run.test_error(group={"spurious": outcome}, method="monte-carlo")
        np.testing.assert_allclose([1 - error.value, 1 - error.high, 1 - error.low], row.iloc[1:], atol=1e-15)
    np.testing.assert_allclose(table["share"], [0.8, 0.2])
    both = run.group_accuracy(by=["label", "spurious"])
    for (label, outcome), row in both.iterrows():
        mine = right[(labels == label) & (agrees == (outcome == "agrees"))]
        assert_agree(Estimate(*row[["test_accuracy", "low", "high"]], "monte-carlo"), mine)
    whole = 1 - run.test_error(method="monte-carlo").value
    for one in (table, both, run.group_accuracy(by="label")):
        assert float(one["share"] @ one["test_accuracy"]) == pytest.approx(whole, abs=1e-12)


def test_groups_that_training_never_saw() -> None:
    """The minority is defined where its probability is 0, too: what a shift of the distribution would show."""
    run = trained([ts.Signal(0.3), ts.Spurious(1.2, 1.0), ts.Noise(0.3)], steps=100)
    assert run.test_error(method="monte-carlo") == run.test_error(method="monte-carlo", group={"spurious": "agrees"})
    assert run.test_error(group={"spurious": "disagrees"}).low > run.test_error().high
    assert list(run.group_accuracy()["share"]) == [1.0, 0.0]


def test_signal_noise_is_a_case() -> None:
    """Counted and rare, true and observed labels, bias and none: the same estimates, up to rounding."""
    for fields in ({}, {"bias": 0.5}, {"label_flip": (0.2, 0.1)}, {"label_flip": 0.3, "q": 1}):
        network: dict[str, Any] = {"n": 12, "d": 40, "m": 2, "init_std": 0.2} | fields
        runs = [ts.simulate(problem, ALGORITHM, 40, 5) for problem in (
            ts.SignalNoise(signal_norm=0.8, noise_std=0.3, orthogonal_noise=False, **network),
            ts.PatchModel([ts.Signal(0.8), ts.Noise(0.3, orthogonal=False)], **network))]
        np.testing.assert_array_equal(runs[0].coefficients, runs[1].coefficients)
        np.testing.assert_array_equal(runs[0].gamma, runs[1].gamma)
        np.testing.assert_array_equal(runs[0].rho, runs[1].rho)
        methods = ["monte-carlo", "auto"] + ([] if "bias" in fields else ["rare-event"])
        for method in methods:
            for labels in ("true", "observed"):
                one, other = (run.test_error(method=method, labels=labels) for run in runs)
                assert (one.method, one.kind) == (other.method, other.kind)
                np.testing.assert_allclose([other.value, other.low, other.high], [one.value, one.low, one.high],
                                           rtol=1e-9)


# --- certain and rare errors --------------------------------------------------------------------------------------


def test_without_noise_the_error_is_exact() -> None:
    """All states are scored once; against the samples that there are."""
    run = trained([SIGNAL + SPURIOUS, ts.XOR(0.7)], steps=5)
    error = run.test_error()
    patches, labels, _ = sampled(run)
    wrong = labels * outputs(run, patches) <= 0
    assert (error.method, error.low, error.high) == ("exact", error.value, error.value)
    assert abs(error.value - wrong.mean()) < 4 * 0.5 / SAMPLES**0.5 and 0 < error.value < 1
    assert run.test_error(labels="observed") == error


def test_rare_errors_of_groups() -> None:
    """Where errors can be counted both methods agree, group by group, and auto turns to the rare one where not."""
    run = trained([ts.Signal(0.9), ts.Spurious(0.6, 0.9), ts.Noise(0.3)], steps=60)
    for group in (None, {"spurious": "agrees"}, {"spurious": "disagrees"}):
        count = run.test_error(method="monte-carlo", n_test=1_000_000, group=group)
        rare = run.test_error(method="rare-event", group=group)
        assert rare.reliable and count.value > 0
        assert rare.low <= count.high and count.low <= rare.high
    strong = trained([ts.Signal(2.0), ts.Spurious(1.2, 0.8), ts.Noise(0.25)], steps=100, d=20, m=6)
    rare = strong.test_error()
    assert rare.method == "rare-event" and rare.reliable and 0 < rare.high < 1e-20
    whole = [strong.test_error(method="rare-event", group={"spurious": one}).value for one in ("agrees", "disagrees")]
    assert rare.value == pytest.approx(0.8 * whole[0] + 0.2 * whole[1], rel=0.1, abs=0) and whole[1] > 10 * whole[0]


ALLOWED = ("signal-noise", "noise in all directions", "spurious", "XOR", "long tail")
REFUSED = [name for name in LAWS if name not in ALLOWED]


@pytest.mark.parametrize("name", REFUSED)
def test_rare_errors_are_refused_where_the_method_is_not_for_them(name: str) -> None:
    """With the reason; counting is what remains."""
    run = trained(LAWS[name], steps=2)
    with pytest.raises(ValueError, match="method='rare-event': .*noise"):
        run.test_error(method="rare-event")
    assert run.test_error(n_test=100).method == "monte-carlo"


# --- intervals ----------------------------------------------------------------------------------------------------

N_TEST, REPEATS = 60, 400
MOST_MISSES = int(binom.ppf(1 - 1e-4, REPEATS, 0.05))
COVERED: dict[str, tuple[list[ts.PatchLaw], dict[str, Any]]] = {
    "one pair": ([SIGNAL, NOISE], {}),
    "two pairs": ([SIGNAL, SPURIOUS, NOISE], {}),
    "two pairs, observed": ([SIGNAL, SPURIOUS, NOISE], {"label_flip": 0.2}),
    "four states": ([SIGNAL, SPURIOUS, NOISE], {"label_flip": (0.1, 0.4)}),
    "one patch": ([SIGNAL + NOISE], {}),
    "eight states": ([SIGNAL + SPURIOUS + NOISE, ts.LongTail((0.4, 0.2), (0.7, 0.3))], {}),
}


@pytest.mark.compiled
@pytest.mark.parametrize("name", COVERED)
def test_coverage(name: str) -> None:
    """Few draws, many times: the interval holds the value of very many draws at least 95 times out of 100."""
    laws, fields = COVERED[name]
    run, labels = trained(laws, **fields), "observed" if fields else "true"
    truth = run.test_error(method="monte-carlo", n_test=1_000_000, seed=10**6, labels=labels).value
    found = [run.test_error(method="monte-carlo", n_test=N_TEST, seed=seed, labels=labels) for seed in range(REPEATS)]
    assert sum(not one.low <= truth <= one.high for one in found) <= MOST_MISSES
    assert 0.0 < truth < 1.0
    assert np.mean([one.value for one in found]) == pytest.approx(truth, abs=4 * 0.5 / np.sqrt(N_TEST * REPEATS))


def test_a_truth_in_closed_form() -> None:
    """One filter a branch that sees the signal alone, ReLU: an error is one Gaussian's being beyond the strength.

    x = y s v + ξ with w₊ = v, w₋ = −v: f has the sign of ⟨x, v⟩, so the error is Φ(−s/σ).
    """
    problem = ts.PatchModel([ts.Signal(1.0) + ts.Noise(0.8, orthogonal=False)], n=3, d=5, m=1, init_std=0.1, q=1)
    filters = np.zeros((2, 1, 5))
    filters[:, 0, 0] = 1.0, -1.0
    run = ts.simulate(problem, ALGORITHM, 0, draw=ts.Draw.from_problem(problem, form="vectors").with_weights(filters))
    truth = norm.cdf(-1.0 / 0.8)
    errors = [run.test_error(n_test=200, seed=seed) for seed in range(REPEATS)]
    assert sum(not one.low <= truth <= one.high for one in errors) <= MOST_MISSES
    assert np.mean([one.value for one in errors]) == pytest.approx(truth, abs=4 * np.sqrt(0.1 / (200 * REPEATS)))


def test_hits_are_counted_state_by_state() -> None:
    """Against a loop over states and noise, ties included: weights of zero err everywhere."""
    run = trained([SIGNAL, SPURIOUS, NOISE], steps=0, init_std=0.0)
    np.testing.assert_array_equal(hits(mixture(run), 500, 0), [500] * 4)
    assert run.test_error(n_test=500, method="monte-carlo").value == 1.0


# --- a test set of one's own --------------------------------------------------------------------------------------


def given_patches() -> ts.PatchRun:
    """A run on patches as vectors."""
    rng = np.random.default_rng(2)
    labels = np.array([1.0, -1.0] * 6)
    patches = rng.standard_normal((12, 2, 7))
    patches[:, 0] = labels[:, None] * np.eye(7)[0]
    run: ts.PatchRun = ts.simulate(ts.PatchData.from_vectors(patches, labels, m=2, init_std=0.1), ALGORITHM, 30)
    return run


@pytest.mark.parametrize("make", [given_patches, lambda: trained([SIGNAL, SPURIOUS, NOISE]),
                                  lambda: trained([SIGNAL + NOISE], bias=0.5)])
def test_error_on_given_samples(make: Callable[[], ts.PatchRun]) -> None:
    """Counted one by one, with the exact interval; by law it is that of fresh samples."""
    run = make()
    if isinstance(run.problem, ts.PatchModel):
        patches, labels = run.problem.sample(20_000, seed=4)
    else:
        rng = np.random.default_rng(3)
        patches, labels = rng.standard_normal((3000, 2, 7)), np.where(rng.random(3000) < 0.5, -1.0, 1.0)
    error = run.test_error(patches=patches, labels=labels)
    wrong = int((labels * outputs(run, patches) <= 0).sum())
    exact = binomtest(wrong, len(labels)).proportion_ci(0.95, method="exact")
    np.testing.assert_allclose([error.value, error.low, error.high], [wrong / len(labels), exact.low, exact.high],
                               atol=1e-10)
    assert (error.method, error.kind, error.evaluations) == ("test set", "given", len(labels))
    assert run.test_error(0, patches=patches, labels=labels).value != error.value
    if isinstance(run.problem, ts.PatchModel):
        fresh = run.test_error(method="monte-carlo")
        assert fresh.low <= error.high and error.low <= fresh.high


@every_law
def test_samples_are_by_law(laws: list[ts.PatchLaw]) -> None:
    """Means and second moments of all coordinates of all patches, with the label, against the sampler of the tests."""
    problem = ts.PatchModel(laws, n=2, d=9, m=1, init_std=0.1, bias=0.3)
    patches, labels = problem.sample(SAMPLES, seed=1)
    sampler = Sampler(problem, 9, 6)
    drawn = [sampler.sample() for _ in range(SAMPLES)]
    other, others = np.array([one for one, _, _ in drawn]), np.array([float(y) for _, y, _ in drawn])
    for first, second in ((patches, other), (labels[:, None, None] * patches, others[:, None, None] * other)):
        flat = [one.reshape(SAMPLES, -1) for one in (first, second)]
        i, k = np.triu_indices(flat[0].shape[1])
        for one, two in ((flat[0], flat[1]), *[(flat[0][:, i] * flat[0][:, k], flat[1][:, i] * flat[1][:, k])]):
            error = np.sqrt((one.var(axis=0) + two.var(axis=0)) / SAMPLES)
            assert (np.abs(one.mean(axis=0) - two.mean(axis=0)) <= 5 * error + 1e-12).all()
