"""Problems, algorithms and patch data as values: derived numbers, equality, laws, and how they show themselves."""

import dataclasses
from collections.abc import Callable
from html.parser import HTMLParser
from math import sqrt
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import theorysim as ts
from theorysim.core import html as _html
from theorysim.patch.label_noise import BLOCK, noise_source

FIELDS: dict[str, Any] = {"n": 50, "d": 800, "m": 4, "signal_norm": 2.0, "noise_std": 0.5, "init_std": 0.01}
PROBLEM = ts.SignalNoise(**FIELDS)
LABELS = [1, -1, 1]


def close(value: float) -> Any:
    """Equal up to rounding."""
    return pytest.approx(value, rel=1e-12)


def patches_of(*samples: list[list[float]], labels: Any = None, **options: Any) -> ts.PatchData:
    """Patch data of the given samples, each a list of patches."""
    true = [1] * len(samples) if labels is None else labels
    return ts.PatchData.from_vectors(np.array(samples, dtype=float), true, **{"m": 1, "init_std": 0.1} | options)


class TestSignalNoise:
    """The signal-noise problem as a value."""

    def test_derived_numbers(self) -> None:
        """From their definitions."""
        assert PROBLEM.snr == close(2.0 / (0.5 * sqrt(800)))
        assert PROBLEM.n_snr2 == close(50 * 4.0 / (0.25 * 800))
        assert PROBLEM.d_over_n2 == close(0.32)

    def test_rates_of_a_learning_rate(self) -> None:
        """κ = ησ_p²d/(nm), λ = κ·SNR², and the learning rate of a κ, alone or as an algorithm."""
        assert PROBLEM.kappa(0.3) == close(0.3 * 0.25 * 800 / (50 * 4))
        assert PROBLEM.signal_rate(0.3) == close(PROBLEM.kappa(0.3) * PROBLEM.snr**2)
        assert PROBLEM.kappa(PROBLEM.lr_at(0.07)) == close(0.07)
        made = ts.GradientDescent.from_kappa(PROBLEM, 0.07, ts.Flip(0.2))
        assert made == ts.GradientDescent(PROBLEM.lr_at(0.07), ts.Flip(0.2))

    def test_no_signal(self) -> None:
        """A ratio of zero is no special case."""
        silent = PROBLEM.replace(signal_norm=0)
        assert (silent.snr, silent.n_snr2) == (0.0, 0.0)

    @pytest.mark.parametrize("changes", [
        {}, {"d": 90}, {"noise_std": 3.0}, {"n": 7, "d": 1000}, {"orthogonal_noise": False},
    ])
    @pytest.mark.parametrize("target", [0.0, 0.05, 3.0])
    def test_replace_by_ratio(self, changes: dict[str, Any], target: float) -> None:
        """snr and n_snr2 set the signal norm at the changed n, d and noise_std, and nothing else."""
        expected = dataclasses.replace(PROBLEM, **changes)
        by_snr, by_n_snr2 = PROBLEM.replace(snr=target, **changes), PROBLEM.replace(n_snr2=target, **changes)
        assert by_snr.snr == close(target)
        assert by_n_snr2.n_snr2 == close(target)
        for problem in (by_snr, by_n_snr2):
            assert dataclasses.replace(problem, signal_norm=2.0) == expected

    def test_replace_signal_norm(self) -> None:
        """The norm itself may be replaced, and nothing may be."""
        assert PROBLEM.replace(signal_norm=4, m=9) == ts.SignalNoise(**FIELDS | {"signal_norm": 4.0, "m": 9})
        assert PROBLEM.replace() == PROBLEM

    def test_what_is_replaced_stays_as_it_was(self) -> None:
        """replace makes another value."""
        PROBLEM.replace(snr=7.0, n=3)
        assert PROBLEM == ts.SignalNoise(**FIELDS)

    @pytest.mark.parametrize("name", [*FIELDS, "q", "label_flip", "orthogonal_noise", "new"])
    def test_frozen(self, name: str) -> None:
        """No field can be set, nor a new one."""
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(PROBLEM, name, 3)

    def test_equal_values_are_one_key(self) -> None:
        """However the numbers were written."""
        written = ts.SignalNoise(n=np.int64(50), d=8e2, m=4.0, signal_norm=2, noise_std=np.float32(0.5),
                                 init_std=np.float64(0.01), q=2.0, label_flip=0)
        assert written == PROBLEM
        assert {written: "found"}[PROBLEM] == "found"
        pair = PROBLEM.replace(label_flip=[0.1, 0.2])
        assert {pair: "found"}[PROBLEM.replace(label_flip=(0.1, 0.2))] == "found"

    @pytest.mark.parametrize(("name", "other"), [
        ("n", 51), ("d", 801), ("m", 5), ("signal_norm", 2.5), ("noise_std", 0.6), ("init_std", 0.02), ("q", 3),
        ("label_flip", 0.1), ("label_flip", (0.0, 0.1)), ("orthogonal_noise", False),
    ])
    def test_different_values_differ(self, name: str, other: Any) -> None:
        """In whichever field."""
        assert PROBLEM.replace(**{name: other}) != PROBLEM

    def test_types_are_plain(self) -> None:
        """Whatever numbers were given, Python's own are kept: they print and save as such."""
        problem = ts.SignalNoise(n=np.int64(5), d=1e6, m=np.uint8(2), signal_norm=1, noise_std=np.float32(2),
                                 init_std=0, q=2, label_flip=(0, np.float64(1)), orthogonal_noise=np.bool_(True))
        kinds = [type(getattr(problem, field.name)) for field in dataclasses.fields(problem) if not field.kw_only]
        assert kinds == [int, int, int, float, float, float, float, tuple, bool, str, float, str]
        assert [type(rate) for rate in problem.flip_rates] == [float, float]

    def test_flip_rates(self) -> None:
        """One rate serves both classes."""
        assert PROBLEM.flip_rates == (0.0, 0.0)
        assert PROBLEM.replace(label_flip=0.2).flip_rates == (0.2, 0.2)
        assert PROBLEM.replace(label_flip=(0.1, 0.4)).flip_rates == (0.1, 0.4)

    @pytest.mark.parametrize(("pair", "flipped"), [((1, 0), 1.0), ((0, 1), -1.0)])
    def test_the_first_rate_is_that_of_positive_labels(self, pair: tuple[float, float], flipped: float) -> None:
        """With certain flips of one class all labels agree."""
        draw = ts.Draw.from_problem(PROBLEM.replace(label_flip=pair), seed=1)
        assert 0 < draw.noisy.sum() < draw.n
        np.testing.assert_array_equal(draw.noisy, draw.labels == flipped)
        np.testing.assert_array_equal(draw.observed_labels, np.full(draw.n, -flipped))

    @pytest.mark.parametrize("seed", range(10))
    def test_labels_and_flips_occur_at_their_rates(self, seed: int) -> None:
        """Binomial counts within five standard deviations."""
        n, plus, minus = 1000, 0.3, 0.05
        draw = ts.Draw.from_problem(ts.SignalNoise(**FIELDS | {"n": n, "d": 2, "label_flip": (plus, minus)}), seed)
        positive = draw.labels > 0
        assert abs(positive.sum() - n / 2) < 5 * sqrt(n / 4)
        for group, rate in ((positive, plus), (~positive, minus)):
            expected, variance = group.sum() * rate, group.sum() * rate * (1 - rate)
            assert abs(draw.noisy[group].sum() - expected) < 5 * sqrt(variance)


class TestAlgorithm:
    """Gradient descent and the laws of label noise as values."""

    @pytest.mark.parametrize("value", [ts.Flip(0.1), ts.Gaussian(1, 0.5), ts.Uniform(-1, 1), ts.GradientDescent(0.1)])
    def test_frozen_equal_and_hashable(self, value: Any) -> None:
        """As values are."""
        copy = dataclasses.replace(value)
        assert copy == value and hash(copy) == hash(value)
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, dataclasses.fields(value)[0].name, 0.5)

    def test_laws_differ(self) -> None:
        """The same numbers in another law are another value."""
        assert len({ts.Gaussian(0, 1), ts.Uniform(0, 1), ts.Flip(0), ts.Flip(1), ts.Gaussian(0, 2)}) == 5
        assert ts.GradientDescent(1, ts.Flip(0.1)) != ts.GradientDescent(1)


STEPS, N = 500, 40
DRAWN = STEPS * N


@pytest.mark.parametrize("seed", range(3))
class TestLaws:
    """The multipliers follow their law: moments within five standard deviations of their estimators."""

    @staticmethod
    def sample(law: Any, seed: int) -> NDArray[np.float64]:
        """Multipliers of many steps, (STEPS, N)."""
        source = noise_source(law, N, 0, STEPS, None, seed)
        rows = [source.rows(start, min(start + BLOCK, STEPS)) for start in range(0, STEPS, BLOCK)]
        values = np.concatenate(rows)
        assert values.shape == (STEPS, N)
        return values

    @pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 1.0])
    def test_flip(self, p: float, seed: int) -> None:
        """Only ±1, with the right number of flips."""
        values = self.sample(ts.Flip(p), seed)
        assert np.isin(values, (-1.0, 1.0)).all()
        flips = (values < 0).sum()
        assert abs(flips - p * DRAWN) <= 5 * sqrt(p * (1 - p) * DRAWN)  # exact for p = 0 and 1

    @pytest.mark.parametrize(("mean", "std"), [(1.0, 0.3), (-2.0, 5.0), (1.0, 0.0)])
    def test_gaussian(self, mean: float, std: float, seed: int) -> None:
        """Mean, variance, and the share within one standard deviation."""
        values = self.sample(ts.Gaussian(mean, std), seed)
        assert abs(values.mean() - mean) <= 5 * std / sqrt(DRAWN)
        assert abs(values.var() - std**2) <= 5 * std**2 * sqrt(2 / DRAWN)
        within = (abs(values - mean) < std).sum()
        share = 0.6826894921370859 if std else 0.0
        assert abs(within - share * DRAWN) <= 5 * sqrt(share * (1 - share) * DRAWN)

    @pytest.mark.parametrize(("low", "high"), [(-1.0, 2.0), (0.0, 1e-3), (3.0, 3.0)])
    def test_uniform(self, low: float, high: float, seed: int) -> None:
        """Range, mean and variance."""
        values, width = self.sample(ts.Uniform(low, high), seed), high - low
        assert low <= values.min() and values.max() <= high
        assert abs(values.mean() - (low + high) / 2) <= 5 * width / sqrt(12 * DRAWN)
        assert abs(values.var() - width**2 / 12) <= 5 * width**2 / sqrt(180 * DRAWN)

    def test_no_law(self, seed: int) -> None:
        """Standard gradient descent multiplies by one."""
        np.testing.assert_array_equal(self.sample(None, seed), 1.0)

    @pytest.mark.parametrize("law", [ts.Flip(0.5), ts.Gaussian(0.0, 1.0), ts.Uniform(-1.0, 1.0)])
    def test_samples_and_steps_are_independent(self, law: Any, seed: int) -> None:
        """Products of neighbouring multipliers have mean zero: between samples, steps and blocks."""
        values = self.sample(law, seed)
        blocks = values[:STEPS - BLOCK], values[BLOCK:]
        for one, other in ((values[:, 1:], values[:, :-1]), (values[1:], values[:-1]), blocks):
            product = one * other
            assert abs(product.mean()) < 5 * product.std() / sqrt(product.size)


class TestBlocks:
    """The multipliers of a step depend on law, seed and step alone."""

    LAW = ts.Gaussian(0.0, 1.0)

    def rows(self, start: int, stop: int, seed: int = 4) -> NDArray[np.float64]:
        """Multipliers of a range of steps, from a fresh source."""
        return noise_source(self.LAW, 3, start, stop - start, None, seed).rows(start, stop).copy()

    def test_ranges_agree(self) -> None:
        """A part of a block is that part of the block."""
        whole = self.rows(BLOCK, 2 * BLOCK)
        for start, stop in ((0, 1), (5, 9), (BLOCK - 1, BLOCK), (7, 7)):
            np.testing.assert_array_equal(self.rows(BLOCK + start, BLOCK + stop), whole[start:stop])

    def test_blocks_in_any_order(self) -> None:
        """And one of them twice."""
        source = noise_source(self.LAW, 3, 0, 4 * BLOCK, None, 4)
        for number in (2, 0, 3, 0, 1):
            start = number * BLOCK
            np.testing.assert_array_equal(source.rows(start, start + BLOCK), self.rows(start, start + BLOCK))

    def test_blocks_and_seeds_differ(self) -> None:
        """In every number."""
        drawn = [self.rows(0, BLOCK), self.rows(BLOCK, 2 * BLOCK), self.rows(0, BLOCK, seed=5)]
        assert all((one != other).all() for one in drawn for other in drawn if one is not other)

    @pytest.mark.parametrize(("step", "end"), [(0, BLOCK), (BLOCK - 1, BLOCK), (BLOCK, 2 * BLOCK), (1000, 4 * BLOCK)])
    def test_end_of_block(self, step: int, end: int) -> None:
        """The first step after, never the step itself."""
        assert noise_source(self.LAW, 3, 0, 5000, None, 0).end_of_block(step) == end

    def test_given_rows_belong_to_the_steps_from_the_start(self) -> None:
        """Row 0 is that of the first step asked for."""
        given = np.arange(12.0).reshape(4, 3)
        np.testing.assert_array_equal(noise_source(None, 3, 100, 4, given, 0).rows(101, 103), given[1:3])


class TestPatchData:
    """Atoms, their owners, and what is merged."""

    def test_equal_patches_become_one_atom(self) -> None:
        """In order of first appearance."""
        data = patches_of([[1, 2], [3, 4]], [[3, 4], [5, 6]])
        np.testing.assert_array_equal(data.atom, [[0, 1], [1, 2]])
        np.testing.assert_array_equal(data.sign, np.ones((2, 2)))
        np.testing.assert_array_equal(data.vectors, [[1, 2], [3, 4], [5, 6]])

    def test_opposite_patches_become_one_atom(self) -> None:
        """With the sign −1."""
        data = patches_of([[1, -2], [3, 4]], [[-1, 2], [-3, -4]])
        np.testing.assert_array_equal(data.atom, [[0, 1], [0, 1]])
        np.testing.assert_array_equal(data.sign, [[1, 1], [-1, -1]])

    def test_negative_zero_is_zero(self) -> None:
        """Two ways to write one number make no two atoms."""
        data = patches_of([[0.0, 1.0], [-0.0, 1.0]], [[0.0, -1.0], [-0.0, -1.0]])
        np.testing.assert_array_equal(data.atom, np.zeros((2, 2)))
        np.testing.assert_array_equal(data.sign, [[1, 1], [-1, -1]])

    def test_nearly_equal_patches_stay_apart(self) -> None:
        """Only exact agreement merges."""
        assert patches_of([[1.0, 2.0]], [[np.nextafter(1.0, 2.0), 2.0]]).gram.shape == (2, 2)

    def test_zero_patches_are_one_atom(self) -> None:
        """Of norm zero."""
        data = patches_of([[0, 0]], [[0, 0]])
        np.testing.assert_array_equal(data.gram, [[0.0]])

    @pytest.mark.parametrize("bias", [0.0, 2.0])
    def test_atoms_and_signs_give_the_patches_back(self, bias: float) -> None:
        """Exactly, many of them merged, with a bias or without."""
        given = np.random.default_rng(0).integers(-1, 2, (20, 3, 2)).astype(float)  # few values: many coincide
        data = ts.PatchData.from_vectors(given, np.ones(20), m=1, init_std=0.1, bias=bias)
        assert data.vectors is not None
        rebuilt = data.sign[..., None] * data.vectors[data.atom]
        np.testing.assert_array_equal(rebuilt[..., :2], given)
        np.testing.assert_array_equal(rebuilt[..., 2:], np.full((20, 3, 1 if bias else 0), bias))
        np.testing.assert_array_equal(data.gram, data.vectors @ data.vectors.T)

    def test_a_bias_keeps_opposite_patches_apart(self) -> None:
        """x and −x with a bias coordinate are not opposite any more."""
        data = patches_of([[1, 2]], [[-1, -2]], bias=3.0)
        np.testing.assert_array_equal(data.vectors, [[1, 2, 3], [-1, -2, 3]])

    @pytest.mark.parametrize(("atom", "owner"), [
        ([[0, 1], [0, 2], [0, 3]], [-1, 0, 1, 2]),  # one shared atom, as in the signal-noise model
        ([[0, 1], [2, 3], [4, 5]], [0, 0, 1, 1, 2, 2]),  # nothing shared
        ([[0, 0], [1, 2], [2, 2]], [0, 1, -1]),  # twice in one sample is still its own
        ([[0, 1], [2, 3], [1, 3]], [0, -1, 1, -1]),  # shared by two of three
        ([[0, 2], [0, 2], [0, 2]], [-1, -1, -1]),  # an atom that no sample has belongs to none
    ])
    def test_owner(self, atom: list[list[int]], owner: list[int]) -> None:
        """The only sample that has an atom, in the problem and in its draw."""
        data = ts.PatchData.from_gram(np.eye(len(owner)), atom, np.ones((3, 2)), LABELS, m=1, init_std=0.1)
        np.testing.assert_array_equal(data.owner, owner)
        np.testing.assert_array_equal(ts.Draw.from_problem(data).owner, owner)

    def test_owner_of_opposite_patches(self) -> None:
        """A patch and its opposite are one atom, shared by both samples."""
        np.testing.assert_array_equal(patches_of([[1, 0], [0, 1]], [[-1, 0], [0, 2]]).owner, [-1, 0, 1])

    def test_a_single_sample_owns_everything(self) -> None:
        """There is nothing to tell signal from noise."""
        np.testing.assert_array_equal(patches_of([[1, 0], [0, 1], [1, 0]]).owner, [0, 0])

    def test_shared_atoms_carry_gamma_the_others_rho(self) -> None:
        """γ = j·o·b‖v‖² and ρ = b‖v‖², with their atoms along the last axis."""
        shared = [[2, 0, 0, 0], [0, 1, 0, 0]]
        data = patches_of([*shared, [0, 0, 1, 0]], [*shared, [0, 0, 0, 3]], labels=[1, -1])
        run = ts.simulate(data, ts.GradientDescent(0.1), 3)
        assert run.gamma.shape == (4, 2, 1, 2)
        assert run.rho.shape == (4, 2, 1, 2)
        norms = np.array([4.0, 1.0, 1.0, 9.0])
        both = np.concatenate([run.gamma * np.array([1, -1])[:, None, None], run.rho], axis=-1)
        np.testing.assert_allclose(both, run.coefficients.reshape(4, 2, 1, 4) * norms, rtol=1e-14)

    def test_atoms_of_one_sample_come_first_with_a_plus(self) -> None:
        """They are turned if need be, with their inner products; atoms that samples share are not."""
        gram = [[4.0, 1.0, 2.0], [1.0, 5.0, 3.0], [2.0, 3.0, 6.0]]
        atom, sign = [[0, 1, 1], [0, 2, 2]], [[-1, -1, 1], [1, 1, -1]]
        data = ts.PatchData.from_gram(gram, atom, sign, [1, -1], m=1, init_std=0.1)
        np.testing.assert_array_equal(data.sign, [[-1, 1, -1], [1, 1, -1]])
        np.testing.assert_array_equal(data.gram, [[4, -1, 2], [-1, 5, -3], [2, -3, 6]])

    @pytest.mark.parametrize(("labels", "orientation"), [([1, -1], 1.0), ([-1, 1], -1.0)])
    def test_signal_is_learned_toward_its_class(self, labels: list[int], orientation: float) -> None:
        """A shared atom speaks for the class of most of its patches, and γ counts toward that."""
        data = patches_of([[2, 0, 0], [0, 1, 0]], [[-2, 0, 0], [0, 0, 1]], labels=labels)
        run = ts.simulate(data, ts.GradientDescent(0.1), 3)
        assert run.draw.orientation[0] == orientation
        toward = orientation * np.array([1.0, -1.0])[:, None]
        np.testing.assert_array_equal(run.gamma, toward * run.coefficients[:, :, 0].reshape(4, 2, 1) * 4)
        assert run.gamma[-1].max() > 0
        assert run.column("gamma_max")[-1] == run.gamma[-1].max()
        assert run.column("gamma_min")[-1] == run.gamma[-1].min()

    def test_one_shared_atom_needs_no_axis(self) -> None:
        """γ has the shape of the signal-noise model."""
        data = patches_of([[1, 0], [0, 1]], [[-1, 0], [0, 2]], labels=[1, -1])
        assert ts.simulate(data, ts.GradientDescent(0.1), 1).gamma.shape == (2, 2, 1)

    def test_labels_are_the_true_ones_by_default(self) -> None:
        """Observed labels that differ make a sample noisy."""
        data = patches_of([[1]], [[2]], labels=[1, -1])
        np.testing.assert_array_equal(data.observed_labels, data.labels)
        flipped = patches_of([[1]], [[2]], labels=[1, -1], observed_labels=[-1, -1])
        np.testing.assert_array_equal(ts.Draw.from_problem(flipped).noisy, [True, False])

    def test_frozen_and_independent_of_what_was_given(self) -> None:
        """Neither fields nor arrays change, by whichever way."""
        given, labels = np.ones((2, 1, 2)), np.array([1.0, -1.0])
        data = ts.PatchData.from_vectors(given, labels, m=1, init_std=0.1)
        given[:], labels[:] = 5, 1
        np.testing.assert_array_equal(data.labels, [1, -1])
        np.testing.assert_array_equal(data.vectors, [[1, 1]])
        with pytest.raises(dataclasses.FrozenInstanceError):
            data.m = 2
        for field in dataclasses.fields(data):
            value = getattr(data, field.name)
            if isinstance(value, np.ndarray):
                with pytest.raises(ValueError, match="read-only"):
                    value[...] = 0

    def test_compared_by_identity(self) -> None:
        """Arrays have no one answer to equality."""
        one, other = patches_of([[1]]), patches_of([[1]])
        assert one != other and len({one, other}) == 2

    def test_a_gram_matrix_is_enough(self) -> None:
        """Vectors and their Gram matrix are the same problem, but for the basis of the initial weights."""
        data = patches_of([[1, 2], [3, 4]], [[3, 4], [5, 7]], labels=[1, -1])
        known = ts.PatchData.from_gram(data.gram, data.atom, data.sign, data.labels, m=1, init_std=0.1)
        factor = ts.Draw.from_problem(known).vectors
        assert factor.shape == (3, 2)  # three atoms in two dimensions
        np.testing.assert_allclose(factor @ factor.T, data.gram, rtol=1e-12)
        np.testing.assert_array_equal(known.owner, data.owner)


class TestDraw:
    """Realisations as values."""

    def draw(self) -> ts.Draw:
        """A realisation of the problem above."""
        return ts.Draw.from_problem(PROBLEM, 1)

    def test_frozen(self) -> None:
        """No field can be set."""
        with pytest.raises(dataclasses.FrozenInstanceError):
            self.draw().form = "gram"

    def test_other_weights_same_data(self) -> None:
        """Everything but weights and inner products is shared."""
        draw = self.draw()
        weights = np.random.default_rng(0).standard_normal((2, draw.m, draw.vectors.shape[1]))
        other = draw.with_weights(weights)
        np.testing.assert_array_equal(other.weights, weights.reshape(2 * draw.m, -1))
        for name in ("labels", "observed_labels", "gram", "vectors", "form"):
            assert getattr(other, name) is getattr(draw, name)
        np.testing.assert_allclose(other.inner, other.weights @ draw.vectors.T, rtol=1e-12, atol=1e-12)

    def test_arrays_given_are_copied(self) -> None:
        """Later changes of them do not reach the draw."""
        noise = np.eye(3)[:2] + 0.0
        draw = ts.Draw.from_arrays(noise=noise, weights=np.ones((2, 1, 3)), labels=[1, -1], signal=[0, 0, 1])
        noise[:] = 9
        np.testing.assert_array_equal(draw.vectors, [[0, 0, 1], [1, 0, 0], [0, 1, 0]])
        np.testing.assert_array_equal(draw.sign, [[1, 1], [-1, 1]])


class Table(HTMLParser):
    """Reads a table back: the text of every cell, and the tags met."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def pairs(self) -> dict[str, str]:
        """Names and values, without the title."""
        return dict(zip(self.words[1::2], self.words[2::2], strict=True))


PLAIN_TAGS = {"table", "caption", "tr", "th", "td"}


def finished(**options: Any) -> ts.Run:
    """A short run with label noise."""
    problem, algorithm = PROBLEM.replace(n=4, label_flip=0.25), ts.GradientDescent(0.5, ts.Flip(0.1))
    return ts.simulate(problem, algorithm, 12, seed=8, **options)


class TestAppearance:
    """Objects say what they are, in consoles and notebooks."""

    @pytest.mark.parametrize("value", [
        PROBLEM, PROBLEM.replace(label_flip=(0.1, 0.2), q=3), ts.Flip(0.1), ts.Gaussian(1, 0.5), ts.Uniform(0, 1),
        ts.GradientDescent(0.1, ts.Flip(0.2)),
    ])
    def test_values_print_as_they_are_written(self, value: Any) -> None:
        """What is printed makes an equal value."""
        assert eval(repr(value), vars(ts).copy()) == value

    def test_problem_in_a_notebook(self) -> None:
        """Fields and derived numbers, in few digits."""
        table = Table(PROBLEM._repr_html_())
        assert table.tags == PLAIN_TAGS
        assert table.words[0] == "SignalNoise"
        shown = table.pairs()
        assert set(shown) >= set(FIELDS) | {"SNR", "n·SNR²", "d/n²"}
        assert (shown["n"], shown["d"], shown["init_std"]) == ("50", "800", "0.01")
        assert (shown["SNR"], shown["n·SNR²"], shown["d/n²"]) == ("0.1414", "1", "0.32")

    def test_patch_data(self) -> None:
        """Sizes instead of arrays."""
        text = repr(patches_of([[1, 0], [0, 1]], [[1, 0], [0, 2]], [[1, 0], [0, 3]], m=7, init_std=0.25, q=3))
        assert text == "PatchData(n=3, patches=2, atoms=4 (1 shared), m=7, init_std=0.25, q=3)"

    def test_draw(self) -> None:
        """Form and sizes."""
        draw = finished().draw
        assert repr(draw) == f"Draw(form='wishart', n=4, flipped={draw.noisy.sum()}, m=4, coordinates=13)"

    def test_run(self) -> None:
        """How it ended, the loss, what was simulated."""
        run = finished()
        loss = f"train_loss={run.rows[-1, 0]:.4g}"
        for essential in ("completed", "step 12", loss, "lr=0.5", "Flip(p=0.1)", "seed=8"):
            assert essential in repr(run)

    def test_run_in_a_notebook(self) -> None:
        """The main facts, each with its name."""
        run = finished(engine="paired")
        table = Table(run._repr_html_())
        assert table.tags == PLAIN_TAGS
        assert table.words[0] == "PatchRun"
        shown = table.pairs()
        assert (shown["status"], shown["steps"], shown["seed"], shown["engine"]) == ("completed", "12", "8", "paired")
        assert shown["problem"] == repr(run.problem)
        assert shown["draw"] == repr(run.draw)
        for name in ("train_loss", "train_accuracy", "gamma_max", "rho_bar_max"):
            assert shown[name] == f"{run.column(name)[-1]:.4g}"
        assert shown["deviation from explicit weights"] == f"{run.deviation:.4g}"
        assert {"draw time (s)", "compile time (s)", "solve time (s)"} <= set(shown)

    def test_only_paired_runs_show_a_deviation(self) -> None:
        """The others have none."""
        assert not [name for name in finished().summary() if "deviation" in name]

    def test_a_run_that_failed_says_why(self) -> None:
        """In consoles and notebooks."""
        with np.errstate(all="ignore"):  # kernels run as plain Python warn where compiled ones cannot
            run = ts.simulate(PROBLEM.replace(q=3), ts.GradientDescent(1e300), 9, on_failure="return")
        assert "diverged at step 0" in repr(run)
        assert "lower lr" in Table(run._repr_html_()).pairs()["status"]

    @pytest.mark.parametrize("make", [
        lambda: dataclasses.replace(finished(), message="<script>x & y</script>")._repr_html_(),
        lambda: _html.table("<script>", {"a": "x & y"}),
        lambda: _html.table("a", {"<script>": "x & y"}),
    ])
    def test_html_is_escaped(self, make: Callable[[], str]) -> None:
        """Names, values and titles."""
        text = make()
        assert "&lt;script&gt;" in text and "x &amp; y" in text
        assert Table(text).tags == PLAIN_TAGS

    def test_statuses_are_words(self) -> None:
        """And compare equal to them."""
        assert [str(status) for status in ts.Status] == ["completed", "diverged", "interrupted", "stopped"]
        assert finished().status == "completed"

    def test_estimate(self) -> None:
        """Prints with its interval; uses the seed of the run by default."""
        run = finished()
        estimate = run.test_error(method="monte-carlo", n_test=1000)
        same, other = (run.test_error(method="monte-carlo", n_test=1000, seed=run.seed + more) for more in (0, 1))
        assert estimate == same != other
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
        assert str(estimate) == f"{estimate.value:.4g} [{estimate.low:.4g}, {estimate.high:.4g}]"


class TestRunIsImmutable:
    """A result cannot be changed by accident."""

    def test_fields(self) -> None:
        """No field can be set."""
        with pytest.raises(dataclasses.FrozenInstanceError):
            finished().status = ts.Status.DIVERGED

    @pytest.mark.parametrize("engine", ["coefficients", "weights", "paired"])
    def test_arrays(self, engine: str) -> None:
        """Nor an entry of an array."""
        run = finished(engine=engine)
        arrays = [run.rows, run.steps_recorded, run.coefficients, run.inner, run.draw.gram, run.draw.inner]
        for array in [*arrays, *([] if run.weights is None else [run.weights])]:
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0
