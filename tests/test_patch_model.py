"""Data by law: draws against the laws, and training against the loop-level reference over explicit patches."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import naive
import numpy as np
import pytest
from hypothesis import find, given
from hypothesis import strategies as st
from numpy.typing import NDArray

import theorysim as ts
from theorysim import strategies as ours
from theorysim.patch.draw import Draw
from theorysim.patch.fits import check_fits
from theorysim.sweep.plan import Cell, Task

Array = NDArray[np.float64]
FORMS = ("vectors", "wishart")
EXACT = 1e-10

SIGNAL, SPURIOUS, NOISE = ts.Signal(1.5), ts.Spurious(2.0, 0.8), ts.Noise(0.2)
TAIL = ts.LongTail((1.0, 2.0, 0.5), (0.6, 0.3, 0.1), ("common", "rare", "extremely rare"))
LAWS: dict[str, list[ts.PatchLaw]] = {
    "signal-noise": [SIGNAL, NOISE],
    "spurious": [SIGNAL, SPURIOUS, NOISE],
    "several noise patches": [SIGNAL, NOISE, ts.Noise(0.1, orthogonal=False), NOISE],
    "shared noise": [ts.Noise(0.2, name="xi"), SIGNAL, ts.Noise(0.1, name="xi"), ts.Noise(0.2, name="xi")],
    "XOR": [ts.XOR(1.2), NOISE],
    "long tail": [TAIL, NOISE],
    "constant and zero": [SIGNAL, ts.ConstantPatch(0.7), ts.Zero(), NOISE],
    "one patch": [SIGNAL + NOISE],
    "sums": [SIGNAL + SPURIOUS, TAIL + ts.Noise(0.2, orthogonal=False) + ts.Noise(0.1), ts.ConstantPatch(0.5) + NOISE],
    "no noise": [SIGNAL + SPURIOUS, ts.XOR(0.7)],
    "only noise": [NOISE],
    "one feature in two patches": [ts.Signal(1.0, name="v"), ts.Signal(0.5, name="v") + NOISE],
    "zero norm": [ts.Signal(0.0), ts.Spurious(0.0, 0.5), ts.Noise(0.3)],
    "no noise at all in it": [SIGNAL, ts.Noise(0.0)],
    "certain": [SIGNAL, ts.Spurious(1.0, 1.0), ts.LongTail((1.0, 1.0), (0.0, 1.0)), NOISE],
    "two of a kind": [SIGNAL, ts.Signal(0.5), ts.XOR(1.0), ts.XOR(0.5), NOISE],
}
every_law = pytest.mark.parametrize("laws", LAWS.values(), ids=LAWS.keys())


def model(laws: list[ts.PatchLaw], **fields: Any) -> ts.PatchModel:
    """A small problem in which training shows within some steps."""
    default: dict[str, Any] = {"n": 7, "d": 14, "m": 2, "init_std": 0.2}
    return ts.PatchModel(laws, **default | fields)


def patches_of(draw: Draw) -> Array:
    """The patches (n, P, D) of a draw."""
    found: Array = draw.sign[:, :, None] * draw.vectors[draw.atom]
    return found


def reference(draw: Draw, eps: Array, lr: float, q: float) -> naive.History:
    """The reference over the patches, and one of zeros, which changes nothing: it wants two patches a sample."""
    patches = np.pad(patches_of(draw), ((0, 0), (0, 1), (0, 0)))
    return naive.train(patches, draw.labels, draw.observed_labels, draw.weights.reshape(2, draw.m, -1), eps, lr, q)


# --- training -----------------------------------------------------------------------------------------------------


def assert_trains(
    problem: ts.PatchModel, form: str = "vectors", seed: int = 3, steps: int = 25, lr: float = 0.2
) -> None:
    """Weights, outputs and ρ are those of the reference over the patches, in the coordinates of the draw."""
    algorithm = ts.GradientDescent(lr, ts.Flip(0.1))
    run = ts.simulate(problem, algorithm, steps, seed, draw=form, record_every=1)
    draw, m = run.draw, problem.m
    history = reference(draw, run.label_multipliers(), lr, problem.q)
    scale = max(1.0, float(np.abs(history.weights[-1]).max()))
    for step in range(steps + 1):
        np.testing.assert_allclose(run.weights_at(step).reshape(2, m, -1), history.weights[step], rtol=0,
                                   atol=EXACT * scale)
        np.testing.assert_allclose(run.outputs(step), history.outputs[step], rtol=EXACT, atol=EXACT)
    assert np.abs(history.weights[-1] - history.weights[0]).max() > 1e-3 or not np.any(draw.vectors)


@every_law
@pytest.mark.parametrize("form", FORMS)
def test_training_is_that_of_explicit_patches(laws: list[ts.PatchLaw], form: str) -> None:
    """Every law, in either form, with labels flipped before and during training."""
    assert_trains(model(laws, label_flip=0.2), form)


HARD: dict[str, dict[str, Any]] = {
    "one sample": {"n": 1}, "one filter": {"m": 1}, "one of both": {"n": 1, "m": 1}, "ReLU": {"q": 1},
    "cubic": {"q": 3}, "q = 2.5": {"q": 2.5}, "bias": {"bias": -0.6}, "uniform": {"init_law": "uniform"},
    "uniform with bias": {"init_law": "uniform", "bias": 0.4}, "few dimensions": {"d": 7, "n": 12},
    "all flipped": {"label_flip": 1.0}, "stratified": {"label_flip": (0.5, 0.2), "flip_law": "stratified"},
}


@pytest.mark.parametrize("fields", HARD.values(), ids=HARD.keys())
@pytest.mark.parametrize("name", ["spurious", "sums", "XOR", "shared noise"])
def test_training_of_hard_cases(name: str, fields: dict[str, Any]) -> None:
    """A single sample or filter, other powers, a bias, fewer dimensions than atoms."""
    assert_trains(model(LAWS[name], **fields), lr=0.1)


@pytest.mark.parametrize("name", ["spurious", "XOR", "sums"])
def test_training_of_one_class(name: str) -> None:
    """A seed whose samples all have one label."""
    problem = model(LAWS[name], n=3)
    seeds = [seed for seed in range(60) if len(set(problem.states(seed)[0])) == 1]
    assert len({problem.states(seed)[0][0] for seed in seeds}) == 2
    for label in (1.0, -1.0):
        assert_trains(problem, seed=next(seed for seed in seeds if problem.states(seed)[0][0] == label))


@every_law
def test_gamma_is_what_features_are_learned(laws: list[ts.PatchLaw]) -> None:
    """Patch by patch: γ of a feature atom sums j · class · pull over the patches ±v, ρ over a sample's own."""
    problem, lr = model(laws), 0.2
    run = ts.simulate(problem, ts.GradientDescent(lr), 12, 1, draw="vectors", record_every=1)
    draw, m, known = run.draw, problem.m, problem.population
    history = reference(draw, np.ones((12, 7)), lr, problem.q)
    coefficients = np.zeros((2, m, problem.atoms))
    for b, r, i, p in np.ndindex(2, m, *draw.atom.shape):
        a = draw.atom[i, p]
        norm = float(draw.vectors[a] @ draw.vectors[a])
        coefficients[b, r, a] += history.rho[-1][b, r, i, p] * draw.sign[i, p] if norm else 0.0
    size = len(problem.features)
    gamma = run.gamma[-1][..., None] if size == 1 else run.gamma[-1]
    wanted = coefficients[..., :size] * np.array([1.0, -1.0])[:, None, None] * known.classes
    np.testing.assert_allclose(gamma, wanted, rtol=0, atol=EXACT)
    np.testing.assert_allclose(run.rho[-1], coefficients[..., size:], rtol=0, atol=EXACT)
    assert (draw.owner[:size] == -1).all() and (draw.owner[size:] >= 0).all()


# --- draws --------------------------------------------------------------------------------------------------------

DRAWS = 6000  # enough for the averages of third powers, in few dimensions, to be about Gaussian
LARGEST_Z = 4.5  # two-sided p = 7e-6; a case looks at about 100 moments, of draws with fixed seeds
DRAWN = ts.PatchModel([ts.Signal(1.5), ts.Noise(0.7), ts.Spurious(0.5, 0.8), ts.ConstantPatch(2.0),
                       ts.Noise(0.4, orthogonal=False)], n=2, d=23, m=1, init_std=0.3)


def moments(problem: ts.PatchModel, form: str) -> dict[str, tuple[Array, Array]]:
    """Samples (draws, ...) of quantities with the means they must have, by name.

    Rows are ξ_1, ζ_1, ξ_2, ζ_2, w_+, w_−; two of them meet in d − 3 dimensions if ξ, orthogonal to the three features,
    is one of the two, and in d otherwise.
    """
    grams, along = [], []
    for seed in range(DRAWS) if form == "vectors" else range(10**6, 10**6 + DRAWS):
        drawn = Draw.from_problem(problem, seed, form)
        rows = np.concatenate([drawn.vectors[3:], drawn.weights])
        rows /= np.array([0.7, 0.4, 0.7, 0.4, 0.3, 0.3])[:, None]
        grams.append(rows @ rows.T)
        along.append(rows @ drawn.vectors[:3].T)
    gram, of_features = np.array(grams), np.array(along)
    orthogonal = np.array([True, False, True, False, False, False])
    size = problem.d - 3.0 * (orthogonal[:, None] | orthogonal)
    own, norm = np.diag(size), np.diagonal(gram, axis1=1, axis2=2)
    i, k = np.triu_indices(6, 1)
    a, b, c = np.array([(a, b, c) for a in range(6) for b in range(a) for c in range(b)]).T
    assert not of_features[:, orthogonal].any()
    strengths = np.array([1.5, 0.5, 2.0])
    return {
        "norm": (norm, own),
        "norm variance": ((norm - own) ** 2, 2 * own),
        "product": (gram[:, i, k], np.zeros(i.size)),
        "product variance": (gram[:, i, k] ** 2, size[i, k]),
        "triple product": (gram[:, a, b] * gram[:, b, c] * gram[:, c, a],
                           np.minimum(np.minimum(size[a, b], size[b, c]), size[c, a])),
        "along features": (of_features[:, ~orthogonal], np.zeros((4, 3))),
        "variance along features": (of_features[:, ~orthogonal] ** 2, np.tile(strengths**2, (4, 1))),
    }


def z_scores(sample: Array, mean: Array) -> Array:
    """How many standard errors the averages over draws are from the means."""
    scores: Array = (sample.mean(axis=0) - mean) / (sample.std(axis=0, ddof=1) / np.sqrt(len(sample)))
    return scores


@pytest.mark.parametrize("d", [23, 8, 5, 4])
@pytest.mark.parametrize("form", FORMS)
def test_moments(form: str, d: int) -> None:
    """Of all inner products, entry by entry: more dimensions than rows beside the features, fewer, a single one."""
    for name, (sample, mean) in moments(DRAWN.replace(d=d), form).items():
        assert np.abs(z_scores(sample, mean)).max() < LARGEST_Z, name


@pytest.mark.parametrize("form", FORMS)
def test_moments_tell_neighbouring_dimensions_apart(form: str) -> None:
    """The z-test can fail: a dimension more or fewer left by the features is seen."""
    sample, mean = moments(DRAWN, form)["norm"]
    for other in (-1, 1):
        assert (np.abs(z_scores(sample, mean + other)) > LARGEST_Z).all()


CASES_OF_SIGNAL_NOISE: dict[str, dict[str, Any]] = {
    "plain": {}, "bias": {"bias": 0.4}, "uniform": {"init_law": "uniform"}, "flipped": {"label_flip": (0.2, 0.4)},
    "stratified": {"label_flip": 0.5, "flip_law": "stratified"}, "no signal": {"signal_norm": 0.0},
    "few dimensions": {"d": 3}, "two dimensions": {"d": 2},
}


@pytest.mark.parametrize("orthogonal", [True, False])
@pytest.mark.parametrize("form", ["auto", *FORMS])
@pytest.mark.parametrize("name", CASES_OF_SIGNAL_NOISE)
def test_signal_noise_is_a_case(name: str, form: str, orthogonal: bool) -> None:
    """The same numbers from the same seed, bit for bit, and each problem takes the draw of the other."""
    fields = {"n": 5, "d": 20, "m": 2, "init_std": 0.1, "signal_norm": 1.2} | CASES_OF_SIGNAL_NOISE[name]
    if (name, form) == ("uniform", "wishart"):
        form = "auto"
    one = ts.SignalNoise(noise_std=0.3, orthogonal_noise=orthogonal, **fields)
    other = ts.PatchModel([ts.Signal(fields.pop("signal_norm")), ts.Noise(0.3, orthogonal)], **fields)
    for seed in range(5):
        first, second = (Draw.from_problem(problem, seed, form) for problem in (one, other))
        assert first.form == second.form
        for array in ("labels", "observed_labels", "atom", "sign", "owner", "gram", "vectors", "weights", "inner"):
            np.testing.assert_array_equal(getattr(second, array), getattr(first, array), array)
        assert one.atoms == other.atoms
        check_fits(second, one)
        check_fits(first, other)


def test_auto_takes_the_smaller_form() -> None:
    """Wishart where d − F ≥ nN + 2m."""
    for d, form in ((2 + 14 + 4, "wishart"), (2 + 14 + 3, "vectors")):
        problem = model([SIGNAL, SPURIOUS, NOISE, NOISE], d=d)
        drawn = Draw.from_problem(problem, 0)
        assert drawn.form == form and drawn.vectors.shape[1] == (d if form == "vectors" else 2 + 14 + 4)
    assert Draw.from_problem(model([SIGNAL, NOISE], d=10**4, init_law="uniform"), 0).form == "vectors"


def test_a_billion_dimensions() -> None:
    """Where the two forms would be one law in no memory, training and test errors are as cheap as ever."""
    problem = ts.PatchModel([ts.Signal(2.0), ts.Spurious(3.0, 0.9), ts.Noise(1e-4)], n=30, d=10**9, m=3, init_std=1e-4)
    run = ts.simulate(problem, ts.GradientDescent(0.3), 200, engine="paired")
    assert run.draw.vectors.shape == (32, 2 + 30 + 6) and run.deviation is not None and run.deviation < 1e-12
    assert 0 <= run.test_error(method="monte-carlo", n_test=1000).value < 0.5


def test_what_chance_decides() -> None:
    """Frequencies of labels and outcomes over seeds, independent of each other and of the label."""
    problem = ts.PatchModel([ts.Spurious(1.0, 0.8), ts.XOR(1.0), ts.LongTail((1.0, 1.0), (0.7, 0.3)), ts.Noise(0.1)],
                            n=20, d=30, m=1, init_std=0.1)
    labels, _, states = (np.concatenate(one) for one in zip(*map(problem.states, range(1000)), strict=True))
    known = problem.population
    np.testing.assert_array_equal(known.labels[states], labels)
    count = np.bincount(states, minlength=len(known.labels))
    wanted = known.probabilities() * len(states)
    assert known.probabilities().sum() == pytest.approx(1.0, abs=1e-12)
    assert np.abs((count - wanted) / np.sqrt(wanted)).max() < LARGEST_Z
    first = known.outcome[states] == 0
    for column, rate in zip(first.T, (0.8, 0.5, 0.7), strict=True):
        assert abs(z_scores(column.astype(float), np.array(rate))) < LARGEST_Z


def test_law_parameters_couple_smoothly() -> None:
    """Strengths only scale, and more agreement only turns samples towards it: curves over them are smooth."""
    problem = model([SIGNAL, SPURIOUS, NOISE], n=200, d=500)
    other = problem.replace(**{"signal.norm": 3.0, "noise.std": 0.4, "spurious.agreement": 0.9})
    first, second = (Draw.from_problem(one, 4) for one in (problem, other))
    np.testing.assert_array_equal(first.weights, second.weights)
    np.testing.assert_array_equal(2 * first.vectors[2:], second.vectors[2:])
    agree = [draw.sign[:, 1] == draw.labels for draw in (first, second)]
    assert (agree[1] >= agree[0]).all() and agree[1].sum() > agree[0].sum()


# --- what a problem says ------------------------------------------------------------------------------------------

NAMES: dict[str, tuple[list[ts.PatchLaw], float, tuple[str, ...], list[int]]] = {
    "spurious": ([SIGNAL, SPURIOUS, NOISE], 0.0, ("signal", "spurious"), [1, 1]),
    "against the label": ([ts.Spurious(1.0, 0.2)], 0.0, ("spurious",), [-1]),
    "XOR": ([ts.XOR(1.0), ts.Zero()], 0.0, ("xor u", "xor v", "zero"), [1, -1, 1]),
    "long tail": ([TAIL], 0.0, ("tail common", "tail rare", "tail extremely rare"), [1, 1, 1]),
    "bias": ([SIGNAL, ts.Zero()], 0.5, ("signal + bias", "-signal + bias", "bias"), [1, -1, 1]),
    "sum": ([SIGNAL + SPURIOUS], 0.0, ("signal + spurious", "signal - spurious"), [1, 1]),
    "two": ([SIGNAL, SIGNAL, ts.Signal(1.0, name="signal 2")], 0.0, ("signal", "signal 3", "signal 2"), [1, 1, 1]),
    "one in two patches": ([ts.Signal(1.0, name="v"), ts.Signal(0.5, name="v")], 0.0, ("1 v", "0.5 v"), [1, 1]),
    "the same twice": ([ts.Signal(1.0, name="v"), ts.Signal(1.0, name="v")], 0.0, ("v",), [1]),
    "noise in it": ([SIGNAL + NOISE], 0.0, (), []),
}


@pytest.mark.parametrize("name", NAMES)
def test_features_are_named(name: str) -> None:
    """In the order of the patches, each with the class that it speaks for."""
    laws, bias, names, classes = NAMES[name]
    problem = model(laws, bias=bias)
    draw = Draw.from_problem(problem, 1)
    assert problem.features == names
    np.testing.assert_array_equal(draw.orientation[draw.owner < 0], classes)
    np.testing.assert_array_equal(problem.population.classes, classes)


def test_feature_products() -> None:
    """⟨w, v_f⟩ from explicit weights, also where no atom is a feature."""
    run = ts.simulate(model([SIGNAL + SPURIOUS + NOISE]), ts.GradientDescent(0.2), 10, draw="vectors", record_every=5)
    products = run.feature_products()
    assert products.shape == (3, 2, 2, 2) and run.problem.directions == ("signal", "spurious")
    np.testing.assert_allclose(products[2], ts.reconstruct(run)[:, :, :2], rtol=0, atol=1e-14)


def test_predict_takes_samples_of_the_problem() -> None:
    """The training patches give the training outputs."""
    run = ts.simulate(model([SIGNAL + NOISE, ts.XOR(1.0)], bias=0.5), ts.GradientDescent(0.2), 10, draw="vectors")
    np.testing.assert_allclose(run.predict(patches_of(run.draw)), run.outputs(), rtol=0, atol=1e-12)
    assert run.problem.sample(3)[0].shape == (3, 2, 15)


def test_replace() -> None:
    """Fields, numbers of laws by name in all patches that have it, patches as a whole; what is not there is named."""
    problem = model([ts.Noise(0.2, name="xi") + SIGNAL, ts.Noise(0.3, name="xi"), TAIL])
    assert problem.parameters == {
        "xi.std": 0.3, "xi.orthogonal": True, "signal.norm": 1.5, "tail.norms": (1.0, 2.0, 0.5),
        "tail.probabilities": (0.6, 0.3, 0.1)}
    changed = problem.replace(n=3, **{"xi.std": 0.5, "signal.norm": 2, "tail.norms": [1, 1, 1]})
    assert changed.patches == (ts.Noise(0.5, name="xi") + ts.Signal(2.0), ts.Noise(0.5, name="xi"),
                               ts.LongTail((1, 1, 1), TAIL.probabilities, TAIL.features))
    assert (changed.n, changed.d) == (3, problem.d)
    assert problem.replace(patches=[SIGNAL], **{"signal.norm": 3.0}).patches == (ts.Signal(3.0),)
    with pytest.raises(TypeError, match=r"spurious.norm=1: not a field; the fields are .*xi.std"):
        problem.replace(**{"spurious.norm": 1})


@pytest.mark.parametrize("law", [SIGNAL, SPURIOUS, NOISE, TAIL, ts.XOR(1.0, name="x"), ts.Zero(), SIGNAL + NOISE,
                                 ts.ConstantPatch(2.0) + ts.Noise(0.1, False, "xi")], ids=repr)
def test_repr_is_the_law(law: ts.PatchLaw) -> None:
    """What is printed makes it again."""
    assert eval(repr(law), vars(ts)) == law


def test_sums_are_flat() -> None:
    """However they are written."""
    assert (SIGNAL + NOISE) + ts.Zero() == SIGNAL + (NOISE + ts.Zero()) == ts.Sum((SIGNAL, NOISE, ts.Zero()))
    with pytest.raises(TypeError):
        SIGNAL + 1.0  # type: ignore[operator]


# --- a law of one's own -------------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Checkerboard(ts.FeatureLaw):
    """A feature of three: y v_k for an even k, its opposite for the odd one."""

    norm: float
    name: str | None = None
    kind: ClassVar[str] = "board"

    def strengths(self) -> dict[str, float]:
        """Of the three."""
        return {"a": self.norm, "b": 2 * self.norm, "c": self.norm}

    def outcomes(self) -> dict[str, float]:
        """Which."""
        return {"a": 0.5, "b": 0.25, "c": 0.25}

    def shown(self, label: int, outcome: str) -> tuple[str, int]:
        """Its sign."""
        return outcome, -label if outcome == "b" else label


def test_a_law_of_ones_own(tmp_path: Path) -> None:
    """Trains as the reference does, has groups, is saved and loaded."""
    problem = model([Checkerboard(1.0) + ts.ConstantPatch(0.3), NOISE])
    assert_trains(problem)
    assert problem.directions == ("board a", "board b", "board c", "constant")
    assert problem.groups == {"board": ("a", "b", "c")}
    run = ts.simulate(problem, ts.GradientDescent(0.3), 50)
    assert run.group_accuracy().index.tolist() == [("a",), ("b",), ("c",)]
    run.save(tmp_path / "run.npz")
    loaded = ts.load_run(tmp_path / "run.npz")
    assert loaded.problem == problem and loaded.test_error(n_test=500) == run.test_error(n_test=500)


# --- policies -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("labels", ["true", "observed"])
def test_best_validation(labels: str, form: str) -> None:
    """The held-out set has fresh samples by law: of so many looks the accuracies are about those by law."""
    problem = model([ts.Signal(0.6), SPURIOUS + ts.Noise(0.2), ts.Noise(0.4)], n=12, d=60, bias=0.3, label_flip=0.2)
    policy = ts.EarlyStopping(ts.BestValidation(20_000, 10, 100, labels))
    run = ts.simulate(problem, ts.GradientDescent(0.3), 60, 2, draw=form, policy=policy)
    plain = ts.simulate(problem, ts.GradientDescent(0.3), 60, 2, draw=form, record_every=10)
    assert run.validation is not None and run.validation[:, 0].tolist() == [0, 10, 20, 30, 40, 50, 60]
    assert run.steps == run.validation[run.validation[:, 1].argmax(), 0]
    for step, accuracy in run.validation:
        error = plain.test_error(int(step), method="monte-carlo", labels=labels)
        assert abs(1 - error.value - accuracy) < 4 * 0.5 / 20_000**0.5 + error.high - error.low


# --- sweeps and strategies ----------------------------------------------------------------------------------------


def test_sweep_over_laws(tmp_path: Path) -> None:
    """Numbers of laws are axes; a row is the run of its cell, and a store tells laws of the same fields apart."""
    problem, algorithm = model([ts.Signal(0.5), SPURIOUS, NOISE]), ts.GradientDescent(0.3)
    grid = {"spurious.agreement": [0.6, 0.95], "m": [1, 2]}
    store = tmp_path / "laws.sqlite"
    table = ts.sweep(problem, grid=grid, algorithms={"gd": algorithm}, steps=20, seeds=2, store=store)
    assert len(table) == 8 and set(table["signal.norm"]) == {0.5} and set(table["status"]) == {"completed"}
    for _, row in table.iterrows():
        one = problem.replace(m=row["m"], **{"spurious.agreement": row["spurious.agreement"]})
        run = ts.simulate(one, algorithm, 20, row["draw_seed"])
        assert row["train_loss"] == run.column("train_loss")[-1]
    tasks = [Task(Cell((), "gd", model([law, NOISE]), algorithm), 0, 5, "double")
             for law in (ts.Signal(1.0), ts.ConstantPatch(1.0), ts.XOR(1.0), ts.Signal(1.0) + ts.Zero())]
    assert len({task.key for task in tasks}) == 4


def test_scaling_over_laws() -> None:
    """A time over a number of a law."""
    fit = ts.scaling(model([SIGNAL, SPURIOUS, NOISE]), ts.GradientDescent(0.1), half_loss,
                     vary={"signal.norm": [1.5, 2.0, 3.0]}, seeds=3, steps=400)
    assert fit.exponents["parameter"].tolist() == ["signal.norm"] and fit.not_reached == 0
    assert fit.exponents["high"][0] < 0


def half_loss(run: ts.PatchRun) -> float:
    """The first step with a training loss of half that of the start."""
    met = run.column("train_loss") < 0.35
    return float(np.argmax(met)) if met.any() else float("nan")


@given(ours.patch_models(), ours.seeds())
def test_any_problem(problem: ts.PatchModel, seed: int) -> None:
    """Draws are valid, closed under both forms' checks, and engines agree on them."""
    with np.errstate(all="ignore"):
        draw = Draw.from_problem(problem, seed)
        check_fits(draw, problem)
        assert len(draw.gram) == problem.atoms and draw.atom.shape == (problem.n, len(problem.patches))
        wanted = patches_of(draw)[:, :, : len(problem.directions)]
        known = problem.population
        quiet = known.atom[0] >= 0
        _, _, states = problem.states(seed)
        np.testing.assert_array_equal(wanted[:, quiet],
                                      known.parts[states][:, quiet, : len(problem.directions)])
        run = ts.simulate(problem, ts.GradientDescent(1e-3), 3, seed, on_failure="return")
        error = run.test_error(n_test=50, method="monte-carlo")
    assert 0 <= error.low <= error.value <= error.high <= 1 + 1e-12


def test_strategy_takes_fields() -> None:
    """A field given stays; an unknown one is named."""
    found = find(ours.patch_models(patches=st.just((SIGNAL, NOISE)), n=4), lambda _: True)
    assert (found.patches, found.n) == ((SIGNAL, NOISE), 4)
    with pytest.raises(TypeError, match="width: not a field"):
        find(ours.patch_models(width=3), lambda _: True)
