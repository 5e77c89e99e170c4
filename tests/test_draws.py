"""Draws have the distribution they should: vectors and Wishart, down to few and up to very many dimensions."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import ks_2samp, kstest, norm, uniform

import theorysim as ts
from theorysim import strategies as ours
from theorysim.patch.draw import Draw
from theorysim.patch.fits import check_fits
from theorysim.core.seeds import Stream, generator
from theorysim.strategies import Array

FORMS = ("vectors", "wishart")

# n + 2m = 7 rows against d − 1 dimensions: more of them than rows, as many, fewer (a truncated triangle), a single one.
FEW = ts.SignalNoise(n=3, d=20, m=2, signal_norm=1.5, noise_std=0.7, init_std=0.4)
DIMENSIONS = (20, 8, 5, 2)
DRAWS = 2500
LARGEST_Z = 4.5  # two-sided p = 7e-6; a case looks at about 100 moments, of draws with fixed seeds


@cache
def draws(problem: ts.SignalNoise, form: str) -> tuple[Array, Array, Array]:
    """Many draws: Gram matrix of noise and weights (rows ξ_1.., w_1..), ⟨ξ, μ⟩ and ⟨w, μ⟩, with the draw first."""
    grams, along_noise, along_weights = [], [], []
    first_seed = 0 if form == "vectors" else 10**6
    for seed in range(first_seed, first_seed + DRAWS):
        drawn = Draw.from_problem(problem, seed, form)
        rows = np.concatenate([drawn.vectors[1:], drawn.weights])
        grams.append(rows @ rows.T)
        along_noise.append(drawn.gram[0, 1:])
        along_weights.append(drawn.inner[:, 0])
    return np.array(grams), np.array(along_noise), np.array(along_weights)


def moments(problem: ts.SignalNoise, form: str) -> dict[str, tuple[Array, Array]]:
    """Samples (draws, ...) of quantities with the means they must have, by name.

    With x standard Gaussian in D dimensions |x|² is χ²(D), of mean D and variance 2D; a product ⟨x, x'⟩ of two has
    mean 0 and variance D, ⟨x, x'⟩⟨x', x''⟩⟨x'', x⟩ of three has mean D. Orthogonal noise has D = d − 1, and so has what
    it shows of the weights; everything else has D = d.
    """
    gram, along_noise, along_weights = draws(problem, form)
    n, rows = problem.n, gram.shape[1]
    of_noise = np.arange(rows) < n
    std = np.where(of_noise, problem.noise_std, problem.init_std)
    gram = gram / np.outer(std, std)
    missing = 1.0 if problem.orthogonal_noise else 0.0
    size = problem.d - missing * (of_noise[:, None] | of_noise)  # D of every entry
    norm, own = np.diagonal(gram, axis1=1, axis2=2), np.diag(size)
    i, k = np.triu_indices(rows, 1)
    a, b, c = np.array([(a, b, c) for a in range(rows) for b in range(a) for c in range(b)]).T
    found = {
        "norm": (norm, own),
        "norm variance": ((norm - own) ** 2, 2 * own),
        "product": (gram[:, i, k], np.zeros(i.size)),
        "product variance": (gram[:, i, k] ** 2, size[i, k]),
        # w, w', w'' meet in d dimensions, anything with a noise vector in those of the noise.
        "triple product": (
            gram[:, a, b] * gram[:, b, c] * gram[:, c, a], np.minimum(np.minimum(size[a, b], size[b, c]), size[c, a])
        ),
        "weights along signal": (along_weights, np.zeros(rows - n)),
        "variance along signal": (along_weights**2, np.full(rows - n, (problem.init_std * problem.signal_norm) ** 2)),
    }
    if not problem.orthogonal_noise:
        variance = (problem.noise_std * problem.signal_norm) ** 2
        found["noise along signal"] = (along_noise, np.zeros(n))
        found["noise variance along signal"] = (along_noise**2, np.full(n, variance))
    return found


def z_scores(sample: Array, mean: Array) -> Array:
    """How many standard errors the averages over draws are from the means."""
    return (sample.mean(axis=0) - mean) / (sample.std(axis=0, ddof=1) / np.sqrt(len(sample)))


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("orthogonal", [True, False])
@pytest.mark.parametrize("form", FORMS)
def test_moments(form: str, orthogonal: bool, d: int) -> None:
    """Means and variances of all inner products have their closed-form values, entry by entry."""
    problem = FEW.replace(d=d, orthogonal_noise=orthogonal)
    for name, (sample, mean) in moments(problem, form).items():
        assert np.abs(z_scores(sample, mean)).max() < LARGEST_Z, name
    if orthogonal:
        assert not draws(problem, form)[1].any()


@pytest.mark.parametrize("form", FORMS)
def test_moments_tell_neighbouring_dimensions_apart(form: str) -> None:
    """The z-test can fail: draws in 20 dimensions are not taken for draws in 19 or 21."""
    sample, mean = moments(FEW, form)["norm"]
    for other in (-1, 1):
        assert (np.abs(z_scores(sample, mean + other)) > LARGEST_Z).all()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("d", DIMENSIONS)
def test_rank(form: str, d: int) -> None:
    """The Gram matrix has the rank that n + 2m vectors in so few dimensions have."""
    orthogonal = draws(FEW.replace(d=d), form)[0][:, :3, :3]
    general = draws(FEW.replace(d=d, orthogonal_noise=False), form)[0]
    for gram, rank in ((orthogonal, min(3, d - 1)), (general, min(7, d))):
        assert (np.linalg.matrix_rank(gram[:200], tol=1e-9, hermitian=True) == rank).all()


def test_labels() -> None:
    """Labels are fair coins, and observed ones flipped at the rate of their class; both are the same in either form."""
    problem = FEW.replace(n=12, label_flip=(0.1, 0.3))
    pairs = [[Draw.from_problem(problem, seed, form) for form in FORMS] for seed in range(1000)]
    for vectors, wishart in pairs:
        np.testing.assert_array_equal(vectors.labels, wishart.labels)
        np.testing.assert_array_equal(vectors.observed_labels, wishart.observed_labels)
    labels, noisy = (np.concatenate([getattr(drawn, name) for drawn, _ in pairs]) for name in ("labels", "noisy"))
    for sample, rate in ((labels > 0, 0.5), (noisy[labels > 0], 0.1), (noisy[labels < 0], 0.3)):
        assert np.abs(z_scores(sample, np.array(rate))) < LARGEST_Z


# --- stratified flips ---------------------------------------------------------------------------------------------


def flips_of(problem: ts.SignalNoise, seed: int, form: str = "vectors") -> tuple[Array, NDArray[np.bool_]]:
    """True labels and which are flipped."""
    drawn = Draw.from_problem(problem, seed, form)
    return drawn.labels, drawn.noisy


@pytest.mark.parametrize("rates", [0.0, 0.2, 0.5, 1.0, (0.1, 0.4), (0.0, 1.0), 1 / 3, 0.29])
@pytest.mark.parametrize("n", [1, 2, 7, 40, 101])
def test_stratified_flips_are_exact(n: int, rates: Any) -> None:
    """In each class the nearest whole number to rate times size, of two equally near either."""
    problem = FEW.replace(n=n, label_flip=rates, flip_law="stratified")
    for seed in range(20):
        labels, flipped = flips_of(problem, seed)
        for y, rate in zip((1, -1), problem.flip_rates, strict=True):
            size = int((labels == y).sum())
            assert abs(int(flipped[labels == y].sum()) - rate * size) <= 0.5 + 1e-9


def test_stratified_flips_are_drawn_at_random() -> None:
    """Every sample of a class equally often, at its rate; other seeds flip others, either form the same."""
    problem = FEW.replace(n=10, label_flip=(0.2, 0.4), flip_law="stratified")
    pairs = [flips_of(problem, seed) for seed in range(3000)]
    for seed in range(50):
        np.testing.assert_array_equal(flips_of(problem, seed, "wishart")[1], pairs[seed][1])
    labels, flipped = (np.array([pair[k] for pair in pairs]) for k in (0, 1))
    for y, rate in zip((1, -1), problem.flip_rates, strict=True):
        size = (labels == y).sum(axis=1, keepdims=True)
        expected = np.where(labels == y, np.round(rate * size) / np.maximum(size, 1), 0.0)
        excess = np.where(labels == y, flipped, False) - expected
        assert np.abs(z_scores(excess, np.zeros(10))).max() < LARGEST_Z
    assert len({tuple(row) for row in flipped[labels.sum(axis=1) == 0].astype(int)}) > 100


@given(ours.problems(), ours.seeds())
def test_flip_law_changes_flips_alone(problem: ts.SignalNoise, seed: int) -> None:
    """Everything else of a seed is the same; independent flips are drawn as ever (see above)."""
    drawn, other = (Draw.from_problem(problem.replace(flip_law=law), seed) for law in ("independent", "stratified"))
    for name in ("labels", "atom", "sign", "owner", "gram", "vectors", "weights"):
        np.testing.assert_array_equal(getattr(drawn, name), getattr(other, name), name)


def test_flip_law_matters() -> None:
    """Independent counts vary from draw to draw, stratified ones with the sizes of the classes alone."""
    problem = FEW.replace(n=40, label_flip=0.25)
    spread = []
    for law in ("independent", "stratified"):
        pairs = [flips_of(problem.replace(flip_law=law), seed) for seed in range(300)]
        spread.append(np.std([flipped.sum() for _, flipped in pairs]))
    assert 0.8 < spread[0] / np.sqrt(40 * 0.25 * 0.75) < 1.2
    assert spread[1] < 0.7


# --- whole distributions ------------------------------------------------------------------------------------------

P_VALUE = 1e-3  # below it two samples are said to differ


def spectra(problem: ts.SignalNoise, form: str) -> dict[str, Array]:
    """Functions of all inner products together, one value for every draw."""
    sizes = np.linalg.eigvalsh(draws(problem, form)[0])
    return {"smallest": sizes[:, 0], "largest": sizes[:, -1], "log volume": np.log(sizes).sum(axis=1)}


@pytest.mark.parametrize("orthogonal", [True, False])
@pytest.mark.parametrize("d", [20, 8])
def test_spectra_agree(d: int, orthogonal: bool) -> None:
    """Extreme eigenvalues and determinant of the Gram matrix have one distribution in both forms."""
    problem = FEW.replace(d=d, orthogonal_noise=orthogonal)
    found, wanted = spectra(problem, "wishart"), spectra(problem, "vectors")
    for name in wanted:
        assert ks_2samp(found[name], wanted[name]).pvalue > P_VALUE, name


def test_spectra_tell_neighbouring_dimensions_apart() -> None:
    """That test can fail: one dimension more is noticed."""
    found, wanted = spectra(FEW.replace(d=8), "wishart"), spectra(FEW.replace(d=9), "vectors")
    for name in wanted:
        assert ks_2samp(found[name], wanted[name]).pvalue < P_VALUE, name


# Wide enough that nearly every sample has a filter of its branch that sees it, without which stage 1 never ends.
TRAINED = ts.SignalNoise(n=12, d=200, m=8, signal_norm=0.7, noise_std=0.15, init_std=0.01, label_flip=0.1)
ALGORITHM = ts.GradientDescent(lr=0.3, label_noise=ts.Flip(0.05))
SEEDS = 200
# Seeds of the two forms differ: with the same ones labels would coincide, and the samples be dependent.
FIRST_SEED = {"vectors": 0, "wishart": 10**6}


@cache
def outcomes(problem: ts.SignalNoise, form: str) -> dict[str, Array]:
    """End of stage 1, final signal learning and test error over many seeds."""
    first = FIRST_SEED[form]
    runs = [
        ts.simulate(problem, ALGORITHM, 300, seed, draw=form, record_every=300)
        for seed in range(first, first + SEEDS)
    ]
    return {
        "T1": np.array([_first(run.column("rho_bar_min") >= 0.1) for run in runs]),
        "gamma_max": np.array([run.column("gamma_max")[-1] for run in runs]),
        "test error": np.array([run.test_error(method="monte-carlo", n_test=4000).value for run in runs]),
    }


def _first(reached: NDArray[np.bool_]) -> float:
    """The first step that is True, infinity if none is."""
    return float(np.argmax(reached)) if reached.any() else np.inf


@pytest.mark.compiled
@pytest.mark.parametrize("orthogonal", [True, False])
def test_outcomes_agree(orthogonal: bool) -> None:
    """Training on Wishart draws leads to what training on vectors leads to, in distribution."""
    problem = TRAINED.replace(orthogonal_noise=orthogonal)
    found, wanted = outcomes(problem, "wishart"), outcomes(problem, "vectors")
    for name in wanted:
        assert ks_2samp(found[name], wanted[name]).pvalue > P_VALUE, name


@pytest.mark.compiled
def test_outcomes_tell_other_noise_apart() -> None:
    """The same test can fail: every outcome notices noise of a standard deviation larger by a fifth."""
    found = outcomes(TRAINED.replace(noise_std=1.2 * TRAINED.noise_std), "wishart")
    wanted = outcomes(TRAINED, "vectors")
    for name in wanted:
        assert ks_2samp(found[name], wanted[name]).pvalue < P_VALUE, name


def larger_problems(**fields: Any) -> st.SearchStrategy[ts.SignalNoise]:
    """Dimensions around n + 2m + 1, where the choice of form changes, beside all others."""
    some = ours.problems(**fields)
    return some | st.builds(lambda p, more: p.replace(d=max(2, p.n + 2 * p.m + more)), some, st.integers(-1, 3))


# --- other initial weights: uniform ones, and biases --------------------------------------------------------------

BOUND = np.sqrt(3) * FEW.init_std  # of uniform weights
LAWS = {"normal": norm(0.0, FEW.init_std), "uniform": uniform(-BOUND, 2 * BOUND)}
KURTOSIS = {"normal": 3.0, "uniform": 9 / 5}  # E w⁴ / σ⁴


@cache
def initial_weights(init_law: str, bias: float, form: str = "vectors") -> Array:
    """Initial weights of many draws, (draws, 2m, coordinates)."""
    problem = FEW.replace(init_law=init_law, bias=bias)
    return np.array([Draw.from_problem(problem, seed, form).weights for seed in range(1000)])


def assert_law(sample: Array, law: str) -> None:
    """Uncorrelated entries of mean 0, standard deviation σ_0 and the law's kurtosis and distribution."""
    sample = sample.reshape(len(sample), -1) / FEW.init_std
    assert np.abs(z_scores(sample, np.zeros(sample.shape[1]))).max() < LARGEST_Z
    assert np.abs(z_scores(sample**2, np.ones(sample.shape[1]))).max() < LARGEST_Z
    assert np.abs(z_scores(sample**4, np.full(sample.shape[1], KURTOSIS[law]))).max() < LARGEST_Z
    i, k = np.triu_indices(sample.shape[1], 1)
    assert np.abs(z_scores(sample[:, i] * sample[:, k], np.zeros(i.size))).max(initial=0.0) < LARGEST_Z
    for name, other in LAWS.items():
        pvalue = kstest(FEW.init_std * sample.ravel(), other.cdf).pvalue
        assert pvalue > P_VALUE if name == law else pvalue < P_VALUE


@pytest.mark.parametrize("bias", [0.0, 0.5])
@pytest.mark.parametrize("law", LAWS)
def test_law_of_initial_weights(law: str, bias: float) -> None:
    """Of mean 0 and standard deviation σ_0 either way, that of the bias coordinate included; the other law is not."""
    weights = initial_weights(law, bias)
    assert weights.shape[1:] == (4, 20 + bool(bias))
    assert_law(weights, law)
    if law == "uniform":
        assert 0.999 * BOUND < np.abs(weights).max() <= BOUND


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("law", LAWS)
def test_law_of_bias_weights(law: str, form: str) -> None:
    """The last coordinate alone, also where the others are drawn as a triangle; whatever the bias is."""
    if (law, form) != ("uniform", "wishart"):
        biases = initial_weights(law, 0.5, form)[..., -1]
        assert_law(biases, law)
        np.testing.assert_array_equal(initial_weights(law, -2.0, form)[:10, :, -1], biases[:10])


def test_uniform_weights_have_no_wishart_form() -> None:
    """They are not Gaussian in any other coordinates, so asking for it is refused rather than drawn Gaussian."""
    with pytest.raises(ValueError, match=r"(?s)form.*'wishart'.*init_law"):
        Draw.from_problem(FEW.replace(init_law="uniform"), 0, "wishart")


def test_uniform_weights_leave_the_data_alone() -> None:
    """Same seed, same labels, noise and signal; in high dimension, too, they are vectors."""
    problem = FEW.replace(d=1000, label_flip=0.3)
    normal, other = (Draw.from_problem(problem.replace(init_law=law), 5, "vectors") for law in ("normal", "uniform"))
    for name in ("labels", "observed_labels", "atom", "sign", "owner", "gram", "vectors"):
        np.testing.assert_array_equal(getattr(other, name), getattr(normal, name))
    assert Draw.from_problem(problem.replace(init_law="uniform"), 5).form == "vectors"


@given(
    larger_problems(init_law="normal", bias=ours.biases().filter(bool)), ours.seeds(), st.sampled_from(FORMS)
)
def test_atoms_of_a_draw_with_bias(problem: ts.SignalNoise, seed: int, form: str) -> None:
    """(μ, b), (−μ, b) and (ξ_i, b), the rest as without a bias: data and weights of a seed have one coordinate more."""
    n, b = problem.n, problem.bias
    drawn, plain = (Draw.from_problem(one, seed, form) for one in (problem, problem.replace(bias=0.0)))
    mu, noise = plain.vectors[0], plain.vectors[1:]
    assert len(drawn.vectors) == problem.atoms == n + 2
    np.testing.assert_array_equal(drawn.vectors, [[*v, b] for v in (mu, -mu, *noise)])
    np.testing.assert_array_equal(drawn.weights[:, :-1], plain.weights)
    np.testing.assert_array_equal(drawn.labels, plain.labels)
    np.testing.assert_array_equal(drawn.observed_labels, plain.observed_labels)
    patches = drawn.sign[..., None] * drawn.vectors[drawn.atom]
    samples = [[[*(y * mu), b], [*xi, b]] for y, xi in zip(drawn.labels, noise, strict=True)]
    np.testing.assert_array_equal(patches, samples)
    np.testing.assert_array_equal(drawn.sign, np.ones((n, 2)))
    np.testing.assert_array_equal(drawn.owner, [-1, -1, *range(n)])
    assert drawn.orientation[0] == 1.0
    assert drawn.orientation[1] == (-1.0 if (drawn.labels < 0).any() else 1.0)  # +1 where no sample has it
    check_fits(drawn, problem)


@given(ours.problems(flip_law="independent", **ours.PLAIN), ours.seeds())
def test_plain_vectors_are_drawn_as_ever(problem: ts.SignalNoise, seed: int) -> None:
    """Written out: what each stream of a seed is used for, which old seeds rely on."""
    drawn, (n, d, m) = Draw.from_problem(problem, seed, "vectors"), (problem.n, problem.d, problem.m)
    labels = np.where(generator(seed, Stream.LABELS).random(n) < 0.5, -1.0, 1.0)
    rates = np.where(labels > 0, *problem.flip_rates)
    flipped = generator(seed, Stream.OBSERVED_LABELS).random(n) < rates
    noise = problem.noise_std * generator(seed, Stream.NOISE).standard_normal((n, d))
    if problem.orthogonal_noise:
        noise[:, 0] = 0.0
    np.testing.assert_array_equal(drawn.labels, labels)
    np.testing.assert_array_equal(drawn.observed_labels, np.where(flipped, -labels, labels))
    np.testing.assert_array_equal(drawn.vectors, np.concatenate([problem.signal_norm * np.eye(1, d), noise]))
    np.testing.assert_array_equal(
        drawn.weights, problem.init_std * generator(seed, Stream.WEIGHTS).standard_normal((2 * m, d))
    )
    np.testing.assert_array_equal(drawn.atom, [[0, 1 + i] for i in range(n)])
    np.testing.assert_array_equal(drawn.sign, [[y, 1.0] for y in labels])
    np.testing.assert_array_equal(drawn.owner, [-1, *range(n)])


@pytest.mark.parametrize(("form", "noise", "weights"), [
    ("vectors", [0.0, -0.4772457590487004, 0.09024796314695625],
     [-0.340923402533833, -0.19076740602406525, 0.46410012843904297]),
    ("wishart", [0.0, -0.415411461917965, 3.1151131345424243],
     [-0.36474707954304203, 0.9799198114734049, -0.01893093249498934]),
])
def test_seed_seven_is_what_it_was(form: str, noise: list[float], weights: list[float]) -> None:
    """A few numbers as version 0.1 drew them before there were biases."""
    drawn = Draw.from_problem(FEW.replace(label_flip=0.5), 7, form)
    assert (list(drawn.labels), list(drawn.observed_labels)) == ([1.0, -1.0, 1.0], [-1.0, 1.0, -1.0])
    np.testing.assert_allclose(drawn.vectors[2, :3], noise, rtol=1e-14)
    np.testing.assert_allclose(drawn.weights[1, :3], weights, rtol=1e-14)


# --- what a draw is made of ---------------------------------------------------------------------------------------


def assert_same_draw(found: Draw, wanted: Draw) -> None:
    """Equal in every bit."""
    assert found.form == wanted.form
    for name in ("labels", "observed_labels", "atom", "sign", "owner", "gram", "vectors", "weights", "inner"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), name)


@given(larger_problems(), ours.seeds())
def test_auto_takes_the_smaller_form(problem: ts.SignalNoise, seed: int) -> None:
    """Wishart where d − 1 ≥ n + 2m, vectors below; uniform weights have no other form."""
    smaller = problem.d - 1 >= problem.n + 2 * problem.m and problem.init_law == "normal"
    form = "wishart" if smaller else "vectors"
    assert_same_draw(Draw.from_problem(problem, seed), Draw.from_problem(problem, seed, form))


@given(larger_problems(init_law="normal"), ours.seeds(), st.sampled_from(FORMS))
def test_a_draw_is_explicit(problem: ts.SignalNoise, seed: int, form: str) -> None:
    """Either form has atoms and weights as vectors, in as few coordinates as it may, and inner products from them."""
    drawn = Draw.from_problem(problem, seed, form)
    coordinates = problem.d if form == "vectors" else 1 + min(problem.d - 1, problem.n + 2 * problem.m)
    signal = problem.signal_norm * np.eye(1, coordinates)[0]
    if problem.bias:
        coordinates, signal = coordinates + 1, np.append(signal, problem.bias)
    assert drawn.vectors.shape == (problem.atoms, coordinates)
    assert drawn.weights.shape == (2 * problem.m, coordinates)
    np.testing.assert_array_equal(drawn.gram, drawn.vectors @ drawn.vectors.T)
    np.testing.assert_array_equal(drawn.inner, drawn.weights @ drawn.vectors.T)
    np.testing.assert_array_equal(drawn.vectors[0], signal)
    assert (drawn.n, drawn.m) == (problem.n, problem.m)
    assert set(drawn.observed_labels) <= {1.0, -1.0} and set(drawn.labels) <= {1.0, -1.0}
    if problem.orthogonal_noise:
        assert not drawn.vectors[-problem.n:, 0].any()
        if not problem.bias:
            assert not drawn.gram[0, 1:].any()


@given(larger_problems(**ours.PLAIN), ours.seeds(), st.sampled_from(FORMS))
def test_a_draw_depends_on_problem_seed_and_form_only(problem: ts.SignalNoise, seed: int, form: str) -> None:
    """Not on other draws, nor on the global generator; another seed is another draw."""
    first = Draw.from_problem(problem, seed, form)
    Draw.from_problem(problem, seed + 1, form)
    before = np.random.get_state()[1].copy()
    assert_same_draw(Draw.from_problem(problem, seed, form), first)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    assert not np.isin(Draw.from_problem(problem, seed + 1, form).gram[1:, 1:], first.gram[1:, 1:]).any()


@given(ours.problems(**ours.PLAIN), ours.seeds(), st.sampled_from(FORMS))
def test_distribution_parameters_only_scale(problem: ts.SignalNoise, seed: int, form: str) -> None:
    """The same seed has the same standard Gaussians at any scale, so that curves over SNR are smooth."""
    unit = problem.replace(signal_norm=1.0, noise_std=1.0, init_std=1.0)
    drawn, standard = Draw.from_problem(problem, seed, form), Draw.from_problem(unit, seed, form)
    np.testing.assert_array_equal(drawn.vectors[1:], problem.noise_std * standard.vectors[1:])
    np.testing.assert_array_equal(drawn.weights, problem.init_std * standard.weights)
    np.testing.assert_array_equal(drawn.labels, standard.labels)


@given(ours.lively_problems(d=st.integers(30, 10**6), **ours.PLAIN), ours.seeds())
def test_wishart_draw_is_a_network_in_few_dimensions(problem: ts.SignalNoise, seed: int) -> None:
    """Given back as explicit arrays in its own n + 2m + 1 coordinates it trains to the same coefficients."""
    drawn = Draw.from_problem(problem, seed, "wishart")
    algorithm = ts.GradientDescent(0.5 * ours.largest_stable_lr(problem))
    given = Draw.from_arrays(
        noise=drawn.vectors[1:],
        weights=drawn.weights.reshape(2, problem.m, -1),
        labels=drawn.labels,
        observed_labels=drawn.observed_labels,
        signal=drawn.vectors[0],
    )
    run = ts.simulate(problem, algorithm, 10, draw=drawn)
    small = ts.simulate(problem.replace(d=drawn.vectors.shape[1]), algorithm, 10, draw=given)
    np.testing.assert_array_equal(small.coefficients, run.coefficients)
    np.testing.assert_array_equal(small.rows, run.rows)


@pytest.mark.parametrize("orthogonal", [True, False])
def test_a_trillion_dimensions(orthogonal: bool) -> None:
    """Norms concentrate as χ²(d)/d does, cosines vanish like 1/√d, and such a network trains."""
    d = 10**12
    problem = ts.SignalNoise(
        n=40, d=d, m=5, signal_norm=3.0, noise_std=1e-6, init_std=0.1, label_flip=0.1, orthogonal_noise=orthogonal
    )
    drawn = Draw.from_problem(problem, 0)
    assert drawn.form == "wishart" and drawn.vectors.shape == (41, 51)
    rows = np.concatenate([drawn.vectors[1:] / problem.noise_std, drawn.weights / problem.init_std])
    cosines = rows @ rows.T / d - np.eye(50)
    assert np.abs(np.diag(cosines)).max() < 5 * np.sqrt(2 / d)
    assert np.abs(cosines).max() < 5 * np.sqrt(2 / d)
    assert 0.5 / np.sqrt(d) < np.sqrt(np.mean(cosines[np.triu_indices(50, 1)] ** 2)) < 2 / np.sqrt(d)
    run = ts.simulate(problem, ts.GradientDescent(1.0), 60, draw=drawn, engine="paired")
    assert run.deviation is not None and run.deviation < 1e-12
    assert run.column("train_loss")[-1] < 0.5 * run.column("train_loss")[0]
    assert run.test_error(method="monte-carlo", n_test=1000).value < 0.5


def test_inner_products_are_made_when_asked_for(tmp_path: Any) -> None:
    """Not by explicit weights, and the same then; norms, file and what follows do not depend on it."""
    problem = FEW.replace(n=60, d=8)
    run = ts.simulate(problem, ts.GradientDescent(0.1), 5, engine="auto", record_every=1)
    assert run.engine == "weights" and vars(run.draw)["gram"] is None
    fresh, norms = Draw.from_problem(problem), run.draw.norm_sq.copy()
    assert vars(fresh)["gram"] is None and fresh.gram is fresh.gram and not fresh.gram.flags.writeable
    np.testing.assert_array_equal(fresh.gram, fresh.vectors @ fresh.vectors.T)
    np.testing.assert_array_equal(fresh.norm_sq, norms)
    np.testing.assert_allclose(norms, np.diag(fresh.gram), rtol=1e-13)
    run.save(tmp_path / "run.npz")
    again = ts.load_run(tmp_path / "run.npz")
    np.testing.assert_array_equal(again.draw.gram, fresh.gram)
    for name, column in ts.resume(run, 3).observables.items():
        np.testing.assert_array_equal(ts.resume(again, 3).observables[name], column)
