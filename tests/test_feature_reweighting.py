"""Feature-based reweighting against loops over its definition, its identities, and wrong labels of real digits."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.datasets import load_digits

from theorysim.reweighting.features import BLOCK, FeatureWeights, feature_reweighting

Array = NDArray[np.float64]
Sets = tuple[Array, NDArray[np.int64], Array, NDArray[np.int64]]
VARIANTS: dict[str, dict[str, Any]] = {
    "paper": {}, "unsigned": {"label_signed": False}, "match-only": {"variant": "match-only"},
}
NAMES = (-7, 0, 3, 2**60 + 1, 11)  # labels of the classes: any integers


def naive(features: Array, labels: NDArray[np.int64], clean: Array, clean_labels: NDArray[np.int64], *, centre: bool,
          row_shift: bool, label_signed: bool = True, variant: str = "paper") -> Array:
    """Scores by loops over samples, clean samples and coordinates."""
    n, m, classes = len(features), len(clean), sorted({int(label) for label in clean_labels})
    mean = [sum(float(row[k]) for row in clean) / m if centre else 0.0 for k in range(features.shape[1])]
    scores = np.empty(n)
    for i in range(n):
        row = [sum((features[i, k] - mean[k]) * (clean[j, k] - mean[k]) for k in range(features.shape[1]))
               for j in range(m)]
        similar = []
        for one in classes:
            members = [row[j] for j in range(m) if clean_labels[j] == one]
            similar.append(sum(members) / len(members))
        shift = sorted(similar)[-2] if row_shift else 0.0
        total = 0.0
        for j in range(m):
            mask = 1.0 if labels[i] == clean_labels[j] else 0.0 if variant == "match-only" else -1 / (len(classes) - 1)
            total += (mask if label_signed else 1.0) * (row[j] - shift)
        scores[i] = total / m
    return scores


def draw_sets(seed: int, counts: list[int], n: int = 9, d: int = 4, scale: float = 1.0, offset: float = 0.0) -> Sets:
    """Normal features and labels; ``counts`` clean samples of each class, in random order."""
    rng = np.random.default_rng(seed)
    names = np.array(NAMES[:len(counts)])
    clean_labels = rng.permutation(np.repeat(names, counts))
    features, clean = (offset + scale * rng.normal(size=(size, d)) for size in (n, clean_labels.size))
    return features, rng.choice(names, n), clean, clean_labels


def size_of(sets: Sets) -> float:
    """What rounding errors of scores are measured by: the largest |φ||φ^v|."""
    return float(np.linalg.norm(sets[0], axis=1).max() * np.linalg.norm(sets[2], axis=1).max())


@st.composite
def some_sets(draw: st.DrawFn, balanced: bool = False) -> Sets:
    """Sets of two to five classes, balanced or not, of any scale, some far from the origin."""
    classes = draw(st.integers(2, 5))
    counts = draw(st.lists(st.integers(1, 4), min_size=classes, max_size=classes))
    return draw_sets(draw(st.integers(0, 2**32)), [counts[0]] * classes if balanced else counts,
                     n=draw(st.integers(1, 9)), d=draw(st.integers(1, 4)),
                     scale=draw(st.sampled_from([1e-3, 1.0, 30.0])), offset=draw(st.sampled_from([0.0, 0.0, 5.0])))


options = st.fixed_dictionaries({"centre": st.booleans(), "row_shift": st.booleans()})
kinds = st.sampled_from(sorted(VARIANTS)).map(VARIANTS.__getitem__)


def close(found: Array, wanted: Array, sets: Sets, tolerance: float = 1e-12) -> None:
    """Equal to rounding."""
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * size_of(sets))


@given(some_sets(), options, kinds, st.integers(0, 99), st.sampled_from([None, 1e-3, 0.7, 1e6]), st.booleans())
def test_equals_loops(sets: Sets, where: dict[str, bool], kind: dict[str, Any], seed: int, step: float | None,
                      start: bool) -> None:
    """Scores, default step, update, flags; over all options."""
    before = np.random.default_rng(seed).random(len(sets[0])) if start else np.full(len(sets[0]), 0.5)
    found = feature_reweighting(*sets, weights=before if start else None, step=step, **where, **kind)
    wanted = naive(*sets, **where, **kind)
    close(found.scores, wanted, sets)
    if step is not None:
        assert found.step == step
    elif found.scores.any():
        assert found.step == pytest.approx(0.1 / np.median(np.abs(found.scores[found.scores != 0])), rel=1e-15)
    for i, weight in enumerate(found.weights):
        assert 0 <= weight <= 1
        assert weight == min(1.0, max(0.0, before[i] + found.step * found.scores[i]))
        assert found.flagged[i] == (found.scores[i] <= 0)


def test_blocks_change_nothing() -> None:
    """Of more samples than one block holds, each has the score it has alone, up to rounding."""
    sets = draw_sets(1, [3, 1, 2], n=2500, d=1200)
    assert sets[0].size > 2 * BLOCK
    some = [0, 1, 872, 873, 874, 1747, 2499]
    whole = feature_reweighting(*sets).scores
    close(whole[some], feature_reweighting(sets[0][some], sets[1][some], *sets[2:]).scores, sets)
    close(whole[some], naive(sets[0][some], sets[1][some], *sets[2:], centre=True, row_shift=True), sets)


@given(some_sets(balanced=True), st.booleans())
def test_row_shift_cancels_when_balanced(sets: Sets, centre: bool) -> None:
    """The rows of the mask sum to 0."""
    without = feature_reweighting(*sets, centre=centre, row_shift=False)
    close(feature_reweighting(*sets, centre=centre).scores, without.scores, sets, 1e-15 * 8)


def test_row_shift_matters_otherwise() -> None:
    """And for the match-only variant and the unsigned mask."""
    for counts, kind in (([1, 2, 4], "paper"), ([3, 3, 3], "match-only"), ([3, 3, 3], "unsigned")):
        sets = draw_sets(3, counts)
        found, without = (feature_reweighting(*sets, row_shift=shift, **VARIANTS[kind]) for shift in (True, False))
        assert np.abs(found.scores - without.scores).max() > 0.01


def with_row_constants(sets: Sets, constants: Array) -> Sets:
    """A further coordinate, 1 for all clean samples: K_ij + constants_i without centring."""
    features, labels, clean, clean_labels = sets
    return np.column_stack([features, constants]), labels, np.column_stack([clean, np.ones(len(clean))]), clean_labels


@given(some_sets(), kinds, st.integers(0, 99))
def test_row_constants(sets: Sets, kind: dict[str, Any], seed: int) -> None:
    """The row shift takes them out, whatever the clean set; centring does too."""
    moved = with_row_constants(sets, np.random.default_rng(seed).normal(size=len(sets[0])))
    for where in ({"centre": False}, {"row_shift": False}, {}):
        close(feature_reweighting(*moved, **where, **kind).scores,
              feature_reweighting(*sets, **where, **kind).scores, moved)


@given(some_sets(balanced=True), st.integers(0, 99))
def test_row_constants_when_balanced(sets: Sets, seed: int) -> None:
    """With neither, a balanced clean set suffices."""
    moved = with_row_constants(sets, np.random.default_rng(seed).normal(size=len(sets[0])))
    close(feature_reweighting(*moved, centre=False, row_shift=False).scores,
          feature_reweighting(*sets, centre=False, row_shift=False).scores, moved)


def test_row_constants_otherwise() -> None:
    """An unbalanced one needs the shift or centring: the score moves by constant × sum of the mask's row / m."""
    sets = draw_sets(5, [1, 2, 4])
    constants = np.arange(9.0)
    moved = feature_reweighting(*with_row_constants(sets, constants), centre=False, row_shift=False).scores
    share = {name: count / 7 for name, count in zip(NAMES, (1, 2, 4), strict=False)}
    sums = np.array([share[label] - (1 - share[label]) / 2 for label in sets[1].tolist()])
    assert np.abs(sums).min() > 0.05
    close(moved - feature_reweighting(*sets, centre=False, row_shift=False).scores, constants * sums, sets, 1e-14)


@given(some_sets(), options, kinds, st.floats(0.01, 100), st.floats(0.01, 100))
def test_scaling(sets: Sets, where: dict[str, bool], kind: dict[str, Any], one: float, other: float) -> None:
    """Scores scale with the features, so 1/β does. Centring wants one scale for both."""
    other = one if where["centre"] else other
    scaled, step = (one * sets[0], sets[1], other * sets[2], sets[3]), 1 / size_of(sets)
    found = feature_reweighting(*scaled, step=step / (one * other), **where, **kind)
    first = feature_reweighting(*sets, step=step, **where, **kind)
    close(found.scores, one * other * first.scores, scaled)
    np.testing.assert_allclose(found.weights, first.weights, rtol=0, atol=2e-12)


@pytest.mark.parametrize("kind", VARIANTS)
def test_default_step_scales(kind: str) -> None:
    """So that weights do not depend on the scale; the typical one moves by 0.1."""
    sets = draw_sets(4, [2, 3, 1], n=200)
    found, first = (feature_reweighting(scale * sets[0], sets[1], scale * sets[2], sets[3], **VARIANTS[kind])
                    for scale in (9.0, 1.0))
    assert found.step == pytest.approx(first.step / 81, rel=1e-10)
    np.testing.assert_allclose(found.weights, first.weights, rtol=0, atol=1e-9)
    moved = np.abs(first.weights - 0.5)
    assert np.median(moved[moved > 0]) == pytest.approx(0.1, rel=1e-10)


@given(some_sets(), st.booleans(), kinds, st.integers(0, 99))
def test_translation(sets: Sets, row_shift: bool, kind: dict[str, Any], seed: int) -> None:
    """Of all features together; takes centring."""
    by = np.random.default_rng(seed).normal(size=sets[0].shape[1]) * 10
    moved = (sets[0] + by, sets[1], sets[2] + by, sets[3])
    close(feature_reweighting(*moved, row_shift=row_shift, **kind).scores,
          feature_reweighting(*sets, row_shift=row_shift, **kind).scores, moved)


def test_translation_otherwise() -> None:
    """Without centring scores change."""
    sets = draw_sets(3, [2, 2, 2])
    moved = (sets[0] + 10, sets[1], sets[2] + 10, sets[3])
    found, first = (feature_reweighting(*each, centre=False).scores for each in (moved, sets))
    assert np.abs(found - first).max() > 0.1


@given(some_sets(), options, kinds, st.integers(0, 99))
def test_order_and_names(sets: Sets, where: dict[str, bool], kind: dict[str, Any], seed: int) -> None:
    """Permuted samples have permuted scores; clean samples and coordinates may come in any order, classes have any
    names."""
    rng = np.random.default_rng(seed)
    features, labels, clean, clean_labels = sets
    one, two, axes = (rng.permutation(size) for size in (len(features), len(clean), features.shape[1]))
    names = dict(zip(NAMES, rng.permutation(np.arange(-2, 3)).tolist(), strict=True))
    renamed, clean_renamed = (np.array([names[label] for label in each.tolist()]) for each in (labels, clean_labels))
    found = feature_reweighting(features[one][:, axes], renamed[one], clean[two][:, axes], clean_renamed[two], **where,
                                **kind)
    close(found.scores, feature_reweighting(*sets, **where, **kind).scores[one], sets)


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_mask_is_the_product_of_initial_residuals(classes: int) -> None:
    """Read off one entry at a time, by features whose Gram matrix has a single 1 in a row."""
    clean_labels = np.repeat(np.arange(classes), 2)
    m = clean_labels.size
    labels, column = (each.ravel() for each in np.meshgrid(np.arange(classes), np.arange(m), indexing="ij"))
    scores = feature_reweighting(np.eye(m)[column], labels, np.eye(m), clean_labels, centre=False,
                                 row_shift=False).scores
    residual = np.eye(classes) - 1 / classes
    product = residual[labels, :] @ residual[clean_labels, :].T
    np.testing.assert_allclose(m * scores, product[np.arange(m * classes), column] * classes / (classes - 1),
                               rtol=1e-12)


@pytest.mark.parametrize("row_shift", [True, False])
def test_match_only_is_positive_for_the_most_similar_class_alone(row_shift: bool) -> None:
    """Integers and classes of 1, 2, 4 make arithmetic exact, ties included."""
    rng = np.random.default_rng(8)
    clean_labels = np.repeat([4, 5, 6], [1, 2, 4])
    features, clean, labels = rng.integers(-3, 4, (3000, 3)), rng.integers(-3, 4, (7, 3)), rng.integers(4, 7, 3000)
    similar = np.column_stack([(features @ clean[clean_labels == one].T).mean(axis=1) for one in (4, 5, 6)])
    own = similar[np.arange(3000), labels - 4]
    alone = (similar >= own[:, None]).sum(axis=1) == 1
    ties = (own == similar.max(axis=1)) & ~alone
    assert min(alone.sum(), ties.sum(), (~alone & ~ties).sum()) > 30
    scores = feature_reweighting(features, labels, clean, clean_labels, centre=False, row_shift=row_shift,
                                 variant="match-only").scores
    if row_shift:
        np.testing.assert_array_equal(scores > 0, alone)
        np.testing.assert_array_equal(scores[ties], 0)
    else:
        assert (scores > 0)[~alone].any()


@given(st.integers(0, 999), st.lists(st.integers(1, 5), min_size=2, max_size=2), st.booleans())
def test_two_classes(seed: int, counts: list[int], centre: bool) -> None:
    """d_i = (1/m) Σ_j y_i K_ij y_j^v, labels ±1: the gradient's sign in binary reweighting at f = 0."""
    features, labels, clean, clean_labels = draw_sets(seed, counts)
    y, yv = np.where(labels == NAMES[0], -1, 1), np.where(clean_labels == NAMES[0], -1, 1)
    mean = clean.mean(axis=0) * centre
    wanted = y * ((features - mean) @ (clean - mean).T @ yv) / yv.size
    sets = (features, y, clean, yv)
    close(feature_reweighting(*sets, centre=centre, row_shift=False).scores, wanted, sets)
    if counts[0] == counts[1]:
        close(feature_reweighting(*sets, centre=centre).scores, wanted, sets)


def test_nothing_to_say() -> None:
    """Features all the same: scores 0, weights stay, all flagged."""
    found = feature_reweighting(np.ones((3, 2)), [0, 1, 0], np.ones((4, 2)), [0, 0, 1, 1], weights=[0, 0.3, 1])
    assert found.step == 0
    np.testing.assert_array_equal(found.scores, 0)
    np.testing.assert_array_equal(found.weights, [0, 0.3, 1])
    assert found.flagged.all()
    assert repr(found) == "FeatureWeights(n=3, flagged=3, mean_weight=0.433, step=0)"


def test_tiny_and_huge_features() -> None:
    """The default step stays finite where 0.1/median does not; weights stay numbers."""
    tiny = feature_reweighting([[1e-160], [-1e-160], [0.0]], [0, 0, 0], [[1e-160], [-1e-160]], [0, 1])
    assert 0 < np.abs(tiny.scores).max() < 1e-318 and tiny.step == np.finfo(float).max
    assert tiny.weights[0] > 0.5 > tiny.weights[1] and tiny.weights[2] == 0.5
    huge = feature_reweighting([[1e150], [-1e150]], [0, 0], [[1e150], [-1e150]], [0, 1], step=1e100)
    np.testing.assert_array_equal(huge.weights, [1, 0])


def test_kinds_of_arrays() -> None:
    """Lists, float32, labels of any integer type or stored as floats; results are not for writing."""
    sets = draw_sets(2, [2, 3])
    features, clean = (each.astype(np.float32) for each in (sets[0], sets[2]))
    labels, clean_labels = (np.where(each == NAMES[0], 0, 1) for each in (sets[1], sets[3]))
    first = feature_reweighting(features.astype(float), labels, clean.astype(float), clean_labels)
    for kind in (np.int8, np.uint64, np.float16, np.float64, bool):
        found = feature_reweighting(features, labels.astype(kind), clean, clean_labels.astype(kind))
        np.testing.assert_array_equal(found.scores, first.scores)
    listed = feature_reweighting(features.tolist(), labels.tolist(), clean.tolist(), clean_labels.tolist())
    np.testing.assert_array_equal(listed.scores, first.scores)
    before = np.full(9, 0.2)
    after = feature_reweighting(features, labels, clean, clean_labels, weights=before)
    assert (before == 0.2).all() and not np.shares_memory(after.weights, before)
    for array in (after.weights, after.scores):
        assert not array.flags.writeable


GOOD: dict[str, Any] = {
    "features": np.arange(6.0).reshape(3, 2), "labels": [0, 1, 0], "clean_features": np.eye(2), "clean_labels": [0, 1],
}
HOLE = [[0, 1], [1, np.nan], [2, 2]]
BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"features": HOLE}, ValueError, r"features\[1, 1\]=nan: every entry must be finite"),
    ({"clean_features": [[np.inf, 0], [0, 1]]}, ValueError, r"clean_features\[0, 0\]=inf: every entry must be finite"),
    ({"features": [1.0, 2.0]}, ValueError, r"features: has shape \(2,\), must have shape \('any', 'any'\)"),
    ({"features": np.ones((0, 2))}, ValueError, r"features: has shape \(0, 2\), must have at least one row"),
    ({"features": np.ones((3, 0))}, ValueError, r"features: has shape \(3, 0\), must have at least one row"),
    ({"features": 1j * np.ones((3, 2))}, TypeError, "features: must be an array of numbers"),
    ({"features": "many"}, TypeError, "features: must be an array of numbers"),
    ({"features": [[1.0, 2.0], [3.0]]}, TypeError, "features: must be an array of numbers"),
    ({"features": 1e200 * np.ones((3, 2)), "clean_features": 1e200 * np.eye(2)}, ValueError,
     r"features, clean_features: have entries up to 1e\+200 and 1e\+200, must have inner products below 1.8e\+308"),
    ({"clean_features": np.eye(3)[:2]}, ValueError,
     r"clean_features: has shape \(2, 3\), must have shape \('any', 2\), as features has shape \(3, 2\)"),
    ({"labels": [0, 1]}, ValueError,
     r"labels: has shape \(2,\), must have shape \(3,\), as features has shape \(3, 2\)"),
    ({"labels": [[0], [1], [0]]}, ValueError, r"labels: has shape \(3, 1\), must have shape \(3,\)"),
    ({"clean_labels": [0, 1, 1]}, ValueError,
     r"clean_labels: has shape \(3,\), must have shape \(2,\), as clean_features has shape \(2, 2\)"),
    ({"labels": [0, 7, 0]}, ValueError, r"labels\[1\]=7: must be a class of clean_labels, which has 0, 1$"),
    ({"labels": [-1, 1, 0]}, ValueError, r"labels\[0\]=-1: must be a class of clean_labels, which has 0, 1$"),
    ({"labels": [0, 1, 99], "clean_features": np.ones((12, 2)), "clean_labels": range(12)}, ValueError,
     r"labels\[2\]=99: must be a class of clean_labels, which has 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, \.\.\.$"),
    ({"labels": [0, 0.5, 1]}, ValueError, r"labels\[1\]=0\.5: must be an integer"),
    ({"labels": [0, 1, np.nan]}, ValueError, r"labels\[2\]=nan: must be an integer"),
    ({"labels": [np.inf, 1, 0]}, ValueError, r"labels\[0\]=inf: must be an integer"),
    ({"labels": np.array([0, 2**63, 1], dtype=np.uint64)}, ValueError,
     r"labels\[1\]=9223372036854775808: must be an integer"),
    ({"labels": [0, 1e300, 1]}, ValueError, r"labels\[1\]=1e\+300: must be an integer in \[-2\^63, 2\^63\)"),
    ({"labels": [0, 2.0**63, 1]}, ValueError, r"labels\[1\]=9\.223372036854776e\+18: must be an integer"),
    ({"labels": ["cat", "dog", "cat"]}, TypeError, "labels: must be an array of integers, not of <U3"),
    ({"labels": [0, 1, None]}, TypeError, "labels: must be an array of integers, not of object"),
    ({"labels": [[0, 1], [0]]}, TypeError, "labels: must be an array of integers"),
    ({"clean_labels": [1, 1]}, ValueError, "clean_labels: has one class, 1; must have at least 2"),
    ({"weights": [0.5, 0.5]}, ValueError, r"weights: has shape \(2,\), must have shape \(3,\)"),
    ({"weights": [0.5, 1.5, 0.5]}, ValueError, r"weights\[1\]=1\.5: must be in \[0, 1\]"),
    ({"weights": [0.5, 0.5, -1e-9]}, ValueError, r"weights\[2\]=-1e-09: must be in \[0, 1\]"),
    ({"weights": [0.5, np.nan, 0.5]}, ValueError, r"weights\[1\]=nan: every entry must be finite"),
    ({"step": 0}, ValueError, r"step=0: must be finite and in \(0, inf\]"),
    ({"step": -1.0}, ValueError, r"step=-1\.0: must be finite and in \(0, inf\]"),
    ({"step": np.nan}, ValueError, "step=nan: must be finite"),
    ({"step": "big"}, TypeError, "step='big': must be a number, not str"),
    ({"centre": 1}, TypeError, "centre=1: must be True or False, not int"),
    ({"row_shift": None}, TypeError, "row_shift=None: must be True or False"),
    ({"label_signed": "no"}, TypeError, "label_signed='no': must be True or False"),
    ({"variant": "match"}, ValueError, "variant='match': must be one of 'paper', 'match-only'"),
    ({"variant": None}, TypeError, "variant=None: must be a string"),
    ({"variant": "match-only", "label_signed": False}, ValueError,
     "label_signed=False: must be True with variant='match-only'"),
]


@pytest.mark.parametrize(("change", "kind", "message"), BAD, ids=[message[:40] for _, _, message in BAD])
def test_bad_input(change: dict[str, Any], kind: type[Exception], message: str) -> None:
    """Named with its value and what is allowed; without the change all is well."""
    assert isinstance(feature_reweighting(**GOOD), FeatureWeights)
    with pytest.raises(kind, match=f"^{message}"):
        feature_reweighting(**GOOD | change)


# Real digits: 1000 noisy samples; ten clean ones of each class, or a tenth of the first class's for the last.
SEEDS = 10
BALANCED = [10] * 10
LONG_TAILED = [30, 23, 18, 14, 11, 8, 6, 5, 4, 3]
BARE = {"centre": False, "row_shift": False}
MATCH = {"variant": "match-only"}
AUC: dict[str, tuple[list[int], str, float, dict[str, Any], float]] = {
    "symmetric .2": (BALANCED, "symmetric", 0.2, {}, 0.970),
    "symmetric .4": (BALANCED, "symmetric", 0.4, {}, 0.970),
    "symmetric .8": (BALANCED, "symmetric", 0.8, {}, 0.968),
    "pair .4": (BALANCED, "pair", 0.4, {}, 0.965),
    "unsigned": (BALANCED, "symmetric", 0.4, {"label_signed": False}, 0.50),
    "long-tailed": (LONG_TAILED, "symmetric", 0.4, {}, 0.945),
    "long-tailed, not centred": (LONG_TAILED, "symmetric", 0.4, {"centre": False}, 0.942),
    "long-tailed, not shifted": (LONG_TAILED, "symmetric", 0.4, {"row_shift": False}, 0.919),
    "long-tailed, neither": (LONG_TAILED, "symmetric", 0.4, BARE, 0.557),
    "long-tailed, match-only": (LONG_TAILED, "symmetric", 0.4, MATCH, 0.962),
}
RULE = {0.2: 0.91, 0.4: 0.84, 0.8: 0.68}
# Of match-only: in exact arithmetic, and where rounding decides on d = 0.
MATCH_RULE = {0.2: (0.86, 0.88), 0.4: (0.89, 0.90), 0.8: (0.95, 0.92)}


def digits(seed: int, counts: list[int], noise: str, rate: float) -> tuple[Sets, NDArray[np.bool_]]:
    """Pixels and labels, and which labels are right."""
    images, truth = load_digits(return_X_y=True)
    rng = np.random.default_rng(seed)
    order = rng.permutation(truth.size)
    clean = np.concatenate([order[truth[order] == c][:count] for c, count in enumerate(counts)])
    trained = order[~np.isin(order, clean)][:1000]
    turn = rng.integers(1, 10, 1000) if noise == "symmetric" else 1
    labels = (truth[trained] + turn * (rng.random(1000) < rate)) % 10
    return (images[trained] / 16, labels, images[clean] / 16, truth[clean]), labels == truth[trained]


def area(scores: Array, right: NDArray[np.bool_]) -> float:
    """Area under the curve: the chance that a right label has a higher score than a wrong one."""
    size = int(right.sum())
    ranks = rankdata(scores)[right].sum()
    return float(ranks - size * (size + 1) / 2) / (size * (right.size - size))


def assert_within_spread(found: list[float], figure: float) -> None:
    """Inside mean ± 2 standard deviations over seeds, an interval that must not be wide."""
    mean, spread = float(np.mean(found)), float(np.std(found, ddof=1))
    assert spread < 0.025
    assert mean - 2 * spread <= figure <= mean + 2 * spread, (mean, spread)


@pytest.mark.parametrize("name", AUC)
def test_wrong_digits_are_detected(name: str) -> None:
    """The figures for detection, and what centring, shift and signs contribute."""
    counts, noise, rate, options, figure = AUC[name]
    found = []
    for seed in range(SEEDS):
        sets, right = digits(seed, counts, noise, rate)
        found.append(area(feature_reweighting(*sets, **options).scores, right))
    assert_within_spread(found, figure)


def test_either_of_centring_and_shift_will_do() -> None:
    """Without both a long-tailed clean set is of no use. One may be left out when the rare classes are drawn anew for
    each seed: which one is the worse to lose depends on which digits are rare."""
    found = {name: np.empty(SEEDS) for name in AUC if name.startswith("long-tailed")}
    for seed in range(SEEDS):
        counts = np.random.default_rng([seed, 1]).permutation(LONG_TAILED).tolist()
        sets, right = digits(seed, counts, "symmetric", 0.4)
        for name in found:
            found[name][seed] = area(feature_reweighting(*sets, **AUC[name][3]).scores, right)
    full = found["long-tailed"]
    for name in ("long-tailed, not centred", "long-tailed, not shifted"):
        assert abs((full - found[name]).mean()) < 0.025
    assert (full - found["long-tailed, neither"]).min() > 0.3
    assert (found["long-tailed, match-only"] - full).min() > 0


@pytest.mark.parametrize("rate", RULE)
def test_rule_for_digits(rate: float) -> None:
    """Accuracy of trusting d > 0."""
    found = []
    for seed in range(SEEDS):
        sets, right = digits(seed, BALANCED, "symmetric", rate)
        found.append(float((feature_reweighting(*sets).flagged != right).mean()))
    assert_within_spread(found, RULE[rate])


@pytest.mark.parametrize("rate", MATCH_RULE)
def test_rule_of_match_only_for_digits(rate: float) -> None:
    """Trusting labels of the most similar class. Where the label's class is the second, d = 0: summed entry by entry,
    rounding makes it positive for some, which is right rather often under light noise and wrong under heavy noise."""
    exact, summed = [], []
    for seed in range(SEEDS):
        sets, right = digits(seed, BALANCED, "symmetric", rate)
        features, labels, clean, clean_labels = sets
        found = feature_reweighting(*sets, **MATCH)
        exact.append(float((found.flagged != right).mean()))
        gram = (features - clean.mean(axis=0)) @ (clean - clean.mean(axis=0)).T
        similar = np.column_stack([gram[:, clean_labels == c].mean(axis=1) for c in range(10)])
        np.testing.assert_array_equal(~found.flagged, similar.argmax(axis=1) == labels)
        second = np.sort(similar, axis=1)[:, -2]
        np.testing.assert_array_equal(found.scores == 0, np.argsort(similar, axis=1)[:, -2] == labels)
        scores = ((labels[:, None] == clean_labels) * (gram - second[:, None])).sum(axis=1)
        assert ((scores > 0) & found.flagged).mean() > 0.01
        np.testing.assert_array_equal((scores > 0)[found.scores != 0], ~found.flagged[found.scores != 0])
        summed.append(float(((scores > 0) == right).mean()))
    assert_within_spread(exact, MATCH_RULE[rate][0])
    assert_within_spread(summed, MATCH_RULE[rate][1])
