"""Attention on tokens: coordinates against explicit p, W and v in loops, the law of draws and of fresh tokens."""

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import theorysim as ts
from theorysim.attention import token_vectors
from theorysim.attention.draw import draw_attention
from theorysim.attention.risk import _root
from theorysim.attention.run import ATTENTION_OBSERVABLES
from theorysim.cli import main

SMALL = ts.TokenSelection(n=6, d=12, tokens=4, signal_norm=3.0, label_flip=0.34)
GD = ts.AttentionGD(0.3)
STEPS = 300
TRAINED = [(False, False), (True, False), (False, True), (True, True)]


class Explicit:
    """p, W and v themselves, and tokens as they are: gradient descent in plain loops, from the model's formulas."""

    def __init__(self, tokens: Any, matrix: Any, labels: Any, head: Any, algorithm: ts.AttentionGD) -> None:
        self.x, self.y, self.algorithm = np.asarray(tokens), labels, algorithm
        self.w, self.v, self.p = np.array(matrix), np.array(head), np.zeros(self.x.shape[2])

    def sample(self, i: int) -> tuple[list[float], list[float], list[float], float]:
        """Scores, values, softmax and output."""
        direction = [math.fsum(self.w[j] * self.p) for j in range(len(self.p))]  # W p
        scores = [math.fsum(token * direction) for token in self.x[i]]
        values = [math.fsum(token * self.v) for token in self.x[i]]
        largest = max(scores)
        weights = [math.exp(score - largest) for score in scores]
        softmax = [weight / math.fsum(weights) for weight in weights]
        return scores, values, softmax, math.fsum(s * g for s, g in zip(softmax, values, strict=True))

    def step(self) -> None:
        """All that is trained, from the gradients before the step."""
        n, tokens, d = self.x.shape
        by_query, by_keys, by_head = np.zeros(d), np.zeros((d, d)), np.zeros(d)
        for i in range(n):
            _, values, softmax, output = self.sample(i)
            margin = self.y[i] * output
            pull = self.y[i] * (math.exp(-margin) / (1 + math.exp(-margin)) if margin > 0 else
                                1 / (1 + math.exp(margin))) / n
            for t in range(tokens):
                slope = pull * softmax[t] * (values[t] - output)  # of −L by the score x·Wp
                by_query += slope * (self.x[i, t] @ self.w)
                by_keys += slope * np.outer(self.x[i, t], self.p)
                by_head += pull * softmax[t] * self.x[i, t]
        self.p = self.p + self.algorithm.lr * by_query
        if self.algorithm.train_keys:
            self.w = self.w + self.algorithm.lr * by_keys
        if self.algorithm.train_head:
            self.v = self.v + self.algorithm.lr * by_head

    def observables(self, true: Any, kinds: Any) -> list[float]:
        """The columns of a row, in their order."""
        seen = [self.sample(i) for i in range(len(self.y))]
        margins = [y * one[3] for y, one in zip(self.y, seen, strict=True)]
        loss = math.fsum(max(-m, 0.0) + math.log1p(math.exp(-abs(m))) for m in margins) / len(margins)
        row = [loss, sum(m <= 0 for m in margins) / len(margins)]
        groups = [[i for i in range(len(margins)) if (true[i] == self.y[i]) == clean] for clean in (True, False)]
        row += [float(np.mean([margins[i] > 0 for i in group])) if group else math.nan for group in groups]
        for group in groups:
            for kind in range(3):
                row.append(math.fsum(seen[i][2][t] for i in group for t in range(len(kinds)) if kinds[t] == kind)
                           / len(group) if group else math.nan)
        return [*row, float(np.linalg.norm(self.p)), float(np.linalg.norm(self.v))]


def explicit(problem: ts.TokenSelection, tokens: Any, matrix: Any, observed: Any, algorithm: Any) -> Explicit:
    """With the head along e₁ − e₂."""
    head = np.zeros(problem.d)
    head[:2] = problem.head
    return Explicit(tokens, matrix, observed, head, algorithm)


def compare(run: ts.AttentionRun, oracle: Explicit, tokens: Any, matrix: Any, steps: int, tolerance: float) -> None:
    """Rows of every step, and p, W, v, Wp and scores at the records."""
    problem, x, start = run.problem, tokens.reshape(-1, run.problem.d), oracle.v.copy()
    keys = x @ matrix
    for step in range(steps + 1):
        row = oracle.observables(run.draw.labels, problem.kinds)
        np.testing.assert_allclose(run.rows[step], row, rtol=tolerance, atol=tolerance, err_msg=f"step {step}")
        if step in run.steps_recorded:
            at = run.record(step)
            p, v = run.query[at] @ keys, start + run.head[at] @ x
            size = max(np.abs(oracle.p).max(), np.abs(oracle.v).max(), 1.0)
            np.testing.assert_allclose(p, oracle.p, rtol=0, atol=tolerance * size)
            np.testing.assert_allclose(v, oracle.v, rtol=0, atol=tolerance * size)
            found = matrix @ p + run.carried[at] @ x
            np.testing.assert_allclose(found, oracle.w @ oracle.p, rtol=0,
                                       atol=tolerance * max(1.0, np.abs(found).max()))
            seen = [oracle.sample(i) for i in range(problem.n)]
            scores = np.array([one[0] for one in seen])
            np.testing.assert_allclose(run.scores(step), scores, rtol=0,
                                       atol=tolerance * max(1.0, np.abs(scores).max()))
            np.testing.assert_allclose(run.attention(step), [one[2] for one in seen], rtol=0, atol=tolerance)
            law = run.fresh(step)
            q = oracle.w @ oracle.p
            np.testing.assert_allclose(law.scores, q[:2], rtol=0, atol=tolerance * max(1.0, np.abs(q).max()))
            np.testing.assert_allclose(law.values, oracle.v[:2], rtol=0, atol=tolerance * size)
            both = np.stack([q, oracle.v])
            np.testing.assert_allclose(law.covariance, both @ both.T, rtol=0,
                                       atol=tolerance * max(1.0, (both**2).sum()))
        if step < steps:
            oracle.step()
    if run.algorithm.train_keys:
        np.testing.assert_allclose(matrix + x.T @ run.keys @ keys, oracle.w, rtol=0,
                                   atol=tolerance * max(1.0, np.abs(oracle.w).max()))


# --- against explicit parameters ----------------------------------------------------------------------------------


@pytest.mark.parametrize("law", ["uniform", "gaussian", "identity"])
@pytest.mark.parametrize(("keys", "head"), TRAINED)
def test_against_explicit_parameters(law: str, keys: bool, head: bool) -> None:
    """Every row, and all parameters at every tenth step, for 300 steps."""
    problem, algorithm = SMALL.replace(key_law=law), ts.AttentionGD(0.3, keys, head)
    tokens, matrix = token_vectors(problem, 5)
    run = ts.simulate(problem, algorithm, STEPS, 5, draw="vectors", record_every=10)
    assert run.column("train_loss")[-1] < run.column("train_loss")[0]
    compare(run, explicit(problem, tokens, matrix, run.draw.observed_labels, algorithm), tokens, matrix, STEPS, 1e-10)


def given(
    n: int, tokens: int, d: int, labels: Any, seed: int = 1, **fields: Any
) -> tuple[ts.TokenSelection, Any, Any]:
    """A problem of such sizes, with tokens and W of its law."""
    assert len(labels) == n
    problem = ts.TokenSelection(**{"n": n, "d": d, "tokens": tokens, "signal_norm": 3.0, "head_norm": 0.5,
                                   "weak": min(1, tokens - 1), "opposed": max(0, min(1, tokens - 2))} | fields)
    x, matrix = token_vectors(problem, seed)
    return problem, x, matrix


HARD: dict[str, tuple[dict[str, Any], float]] = {
    "one sample": ({"n": 1, "tokens": 3, "d": 5, "labels": [1]}, 0.5),
    "one token": ({"n": 3, "tokens": 1, "d": 5, "labels": [1, -1, 1]}, 0.5),
    "one sample of one token": ({"n": 1, "tokens": 1, "d": 2, "labels": [-1]}, 0.5),
    "no signal": ({"n": 4, "tokens": 3, "d": 6, "labels": [1, 1, -1, -1], "signal_norm": 0.0}, 0.5),
    "no noise": ({"n": 4, "tokens": 3, "d": 6, "labels": [1, 1, -1, -1], "noise_std": 0.0}, 0.5),
    "nothing at all": ({"n": 2, "tokens": 2, "d": 3, "labels": [1, -1], "noise_std": 0.0, "signal_norm": 0.0}, 0.5),
    "one class": ({"n": 4, "tokens": 3, "d": 6, "labels": [1, 1, 1, 1]}, 0.5),
    "all flipped": ({"n": 4, "tokens": 3, "d": 6, "labels": [1, 1, -1, -1], "label_flip": 1.0}, 0.5),
    "no head": ({"n": 4, "tokens": 3, "d": 6, "labels": [1, -1, 1, -1], "head_norm": 0.0}, 0.5),
    "no keys": ({"n": 4, "tokens": 3, "d": 6, "labels": [1, -1, 1, -1], "key_std": 0.0}, 0.5),
    "more dimensions than tokens": ({"n": 2, "tokens": 2, "d": 60, "labels": [1, -1]}, 0.5),
    "two dimensions": ({"n": 5, "tokens": 4, "d": 2, "labels": [1, -1, 1, -1, 1]}, 0.5),
    "saturated": ({"n": 3, "tokens": 3, "d": 6, "labels": [1, -1, 1], "signal_norm": 30.0}, 40.0),
}


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize(("keys", "head"), TRAINED)
def test_hard_inputs(name: str, keys: bool, head: bool) -> None:
    """Tokens, W and labels given as arrays."""
    fields, lr = HARD[name]
    problem, x, matrix = given(**fields)
    algorithm = ts.AttentionGD(lr, keys, head)
    observed = np.array(fields["labels"], dtype=float) * (-1 if problem.label_flip == 1 else 1)
    draw = ts.AttentionDraw.from_vectors(x, matrix, fields["labels"], observed)
    run = ts.simulate(problem, algorithm, STEPS, draw=draw, record_every=50)
    assert run.status == "completed"
    compare(run, explicit(problem, x, matrix, observed, algorithm), x, matrix, STEPS, 1e-10)
    if name == "saturated":
        assert run.attention().max() > 1 - 1e-9


def test_two_steps_by_hand() -> None:
    """One sample of two tokens in two dimensions, W = I: sums on paper."""
    draw = ts.AttentionDraw.from_vectors([[[2.0, 0.0], [0.0, 1.0]]], np.eye(2), [1])
    problem = ts.TokenSelection(n=1, d=2, tokens=2, weak=1, opposed=0, key_law="identity", head_norm=np.sqrt(2.0))
    run = ts.simulate(problem, ts.AttentionGD(1.0), 1, draw=draw)
    # v = (1, −1): values 2 and −1, f = ½, c = 1/(1 + e^½); slopes c·½·(±3/2), p(1) = c·¾·(2, −1), scores c·¾·(4, −1)
    c = 1 / (1 + math.exp(0.5))
    assert run.column("train_loss")[0] == pytest.approx(math.log1p(math.exp(-0.5)), rel=1e-15)
    np.testing.assert_allclose(run.scores(), [[3 * c, -0.75 * c]], rtol=1e-14)
    first = 1 / (1 + math.exp(-3.75 * c))
    assert run.column("signal_weight_clean")[1] == pytest.approx(first, rel=1e-14)
    assert run.column("train_loss")[1] == pytest.approx(math.log1p(math.exp(1 - 3 * first)), rel=1e-14)


# --- draws --------------------------------------------------------------------------------------------------------

PAIR = ts.TokenSelection(n=2, d=12, tokens=3, signal_norm=2.0, key_law="gaussian", noise_std=0.7)
NUMBERS: dict[str, Callable[[ts.AttentionDraw], float]] = {
    "a token's square": lambda draw: draw.gram[3, 3], "two tokens": lambda draw: draw.gram[2, 5],
    "a token and a signal": lambda draw: draw.gram[0, 4], "a key's square": lambda draw: draw.key_gram[3, 3],
    "two keys": lambda draw: draw.key_gram[2, 6], "a key and a signal's": lambda draw: draw.key_gram[1, 7],
    "two signals' keys": lambda draw: draw.key_gram[0, 1], "an image's square": lambda draw: draw.square_gram[4, 4],
    "two images": lambda draw: draw.square_gram[2, 7], "a signal's image": lambda draw: draw.square_gram[0, 0],
    "an image's share of its key": lambda draw: draw.square_gram[5, 5] / draw.key_gram[5, 5],
}


@cache
def drawn(form: str, d: int, law: str = "gaussian", count: int = 1500) -> tuple[ts.AttentionDraw, ...]:
    """Draws of many seeds, others in each form."""
    first = 0 if form == "vectors" else 10_000
    return tuple(draw_attention(PAIR.replace(d=d, key_law=law), seed, form) for seed in range(first, first + count))


@pytest.mark.parametrize("d", [2, 4, 7, 12, 60])
@pytest.mark.parametrize("number", NUMBERS)
def test_both_forms_are_of_one_law(number: str, d: int) -> None:
    """Also where there are fewer dimensions than tokens, with which the triangle is a trapezium."""
    of = NUMBERS[number]
    one, other = ([of(draw) for draw in drawn(form, d)] for form in ("vectors", "wishart"))
    assert stats.ks_2samp(one, other).pvalue > 1e-3


def test_another_dimension_is_seen() -> None:
    """The comparison above notices an eighth more dimensions in everything that depends on them."""
    for number in ("a token's square", "an image's share of its key", "an image's square"):
        of = NUMBERS[number]
        one = [of(draw) for draw in drawn("vectors", 16, count=1500)]
        other = [of(draw_attention(PAIR.replace(d=18, key_std=1 / np.sqrt(48)), seed, "wishart"))
                 for seed in range(10_000, 11_500)]
        assert stats.ks_2samp(one, other).pvalue < 1e-3, number


@pytest.mark.parametrize("form", ["vectors", "wishart"])
def test_matrices_of_the_identity(form: str) -> None:
    """Without W keys are tokens, and so are their images."""
    draw = draw_attention(PAIR.replace(key_law="identity"), 3, form)
    np.testing.assert_array_equal(draw.gram, draw.key_gram)
    np.testing.assert_array_equal(draw.gram, draw.square_gram)
    np.testing.assert_allclose(draw.gram[:2, :2], np.eye(2), atol=1e-15)


def test_auto_is_the_smaller_form() -> None:
    """And of uniform entries the only one there is."""
    for problem, form in ((PAIR, "wishart"), (PAIR.replace(d=7), "vectors"),
                          (PAIR.replace(key_law="uniform"), "vectors")):
        assert draw_attention(problem, 5).fingerprint == draw_attention(problem, 5, form).fingerprint
    assert draw_attention(PAIR, 5).fingerprint != draw_attention(PAIR, 5, "vectors").fingerprint


def test_any_dimension() -> None:
    """Nothing of that size is made; what depends on it only through σ√d and σ_w√d is about the same."""
    base = ts.TokenSelection(d=10**4, signal_norm=40.0, key_law="gaussian")
    losses = [ts.simulate(base.replace(d=d, noise_std=100 / math.sqrt(d)), ts.AttentionGD(5e-3), 300, 1)
              .column("train_loss")[-1] for d in (10**4, 10**9, 10**15)]
    np.testing.assert_allclose(losses, losses[0], rtol=0.01)


def test_data_are_as_told() -> None:
    """Signals, kinds and labels; tokens less their signals are noise."""
    problem = ts.TokenSelection(n=9, d=40, tokens=6, weak=2, opposed=1, relevance=0.25, signal_norm=8.0, label_flip=0.4,
                                noise_std=1e-9)
    true, observed = problem.labels()
    assert true.tolist() == [1] * 4 + [-1] * 5 and (true != observed).nonzero()[0].tolist() == [0, 1, 4, 5]
    assert problem.kinds.tolist() == [0, 1, 1, 1, 2, 2]
    tokens, matrix = token_vectors(problem, 2)
    expected = np.zeros((2, 6, 40))
    for place, (own, other) in enumerate(((0, 1), (1, 0))):
        expected[place, 0, own] = 8.0
        expected[place, 1:3, own] = 2.0
        expected[place, 3, other] = 2.0
    np.testing.assert_allclose(tokens, expected[np.where(true > 0, 0, 1)], rtol=0, atol=1e-7)
    assert np.abs(matrix).max() <= 1 / np.sqrt(40) and np.abs(matrix).max() > 0.99 / np.sqrt(40)
    assert matrix.std() == pytest.approx(problem.entry_std, rel=0.05)
    assert problem.head == (pytest.approx(1 / 8 / math.sqrt(2)), pytest.approx(-1 / 8 / math.sqrt(2)))


def test_derived_numbers() -> None:
    """SNR and n·SNR², read and set; they are axes."""
    problem = ts.TokenSelection(n=20, d=400, signal_norm=10.0, noise_std=0.5)
    assert problem.snr == 1.0 and problem.n_snr2 == 20.0
    assert problem.replace(n_snr2=5.0, n=5).snr == 1.0 and problem.replace(snr=0.5, d=100).signal_norm == 2.5
    assert problem.replace(noise_std=0.0).snr == math.inf
    with pytest.raises(ValueError, match="snr and n_snr2: give only one of them"):
        problem.replace(snr=1.0, n_snr2=2.0)
    table = ts.sweep(SMALL, grid={"n_snr2": [1.0, 4.0], "lr": [0.1]}, algorithms={"GD": GD}, steps=5, seeds=2)
    assert sorted(set(table["signal_norm"])) == pytest.approx([math.sqrt(2), math.sqrt(8)])


BAD: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: ts.TokenSelection(n=0), ValueError, "n=0: must be an integer >= 1"),
    (lambda: ts.TokenSelection(d=1), ValueError, "d=1: must be an integer >= 2"),
    (lambda: ts.TokenSelection(tokens=2), ValueError, "tokens=2: must be at least 1 . weak . opposed = 3"),
    (lambda: ts.TokenSelection(signal_norm=-1), ValueError, "signal_norm=-1: must be finite and in"),
    (lambda: ts.TokenSelection(signal_norm=1e30), ValueError, "signal_norm=1e.30: must be finite and in"),
    (lambda: ts.TokenSelection(signal_norm=0.0), ValueError, "head_norm=None: must be given where signal_norm=0"),
    (lambda: ts.TokenSelection(label_flip=1.5), ValueError, "label_flip=1.5: must be finite and in"),
    (lambda: ts.TokenSelection(key_law="normal"), ValueError, "key_law='normal': must be one of 'uniform'"),
    (lambda: ts.TokenSelection(key_law="identity", key_std=1.0), ValueError, "key_std=1: must be None where"),
    (lambda: ts.AttentionGD(0.0), ValueError, "lr=0.0: must be finite and in"),
    (lambda: ts.AttentionGD(0.1, train_keys=1), TypeError, "train_keys=1: must be True or False"),  # type: ignore
    (lambda: ts.simulate(SMALL, GD, 3, draw="bartlett"), ValueError, "draw='bartlett': must be one of"),  # type: ignore
    (lambda: ts.simulate(SMALL, GD, 3, draw=3), TypeError, "draw=3: must be a string"),  # type: ignore[call-overload]
    (lambda: ts.simulate(SMALL, GD, 3, draw="wishart"), ValueError, "draw='wishart': must be 'vectors' where"),
    (lambda: ts.simulate(SMALL.replace(n=5), GD, 3, draw=draw_attention(SMALL)), ValueError,
     r"draw: has \(n, tokens\) = \(6, 4\), must have \(5, 4\)"),
    (lambda: ts.AttentionDraw.from_vectors(np.ones((2, 3, 1)), [[1.0]], [1, 1]), ValueError, "have dimension 1, must"),
    (lambda: ts.AttentionDraw.from_vectors(np.ones((2, 3, 4)), np.eye(3), [1, 1]), ValueError, "matrix: has shape"),
    (lambda: ts.AttentionDraw.from_vectors(np.ones((2, 3, 4)), np.eye(4), [1, 2]), ValueError, r"labels\[1\]=2"),
    (lambda: ts.AttentionDraw.from_vectors(np.full((2, 3, 4), np.nan), np.eye(4), [1, 1]), ValueError, "tokens"),
    (lambda: ts.AttentionDraw(np.ones(2), np.ones(2), *[np.eye(7)] * 3), ValueError, "gram: has 7 rows"),
    (lambda: ts.AttentionDraw(np.ones(2), np.ones(2), np.eye(4), np.triu(np.ones((4, 4))), np.eye(4)), ValueError,
     "key_gram: must be symmetric"),
    (lambda: ts.simulate(SMALL, GD, 3).test_error(n_test=0), ValueError, "n_test=0"),
    (lambda: ts.simulate(SMALL, GD, 30, record_at=[7]).test_loss(8), ValueError, "at=8: must be a recorded step"),
]


@pytest.mark.parametrize(("call", "kind", "message"), BAD)
def test_bad_input(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    """Named, with what is allowed."""
    with pytest.raises(kind, match=message):
        call()


# --- fresh samples ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", ["uniform", "gaussian", "identity"])
@pytest.mark.parametrize(("keys", "head"), TRAINED)
def test_fresh_margins_are_those_of_fresh_tokens(law: str, keys: bool, head: bool) -> None:
    """Vectors drawn here, through W, p and v as reconstructed, have margins of the same law."""
    problem = SMALL.replace(key_law=law, d=30, tokens=5)
    tokens, matrix = token_vectors(problem, 4)
    run = ts.simulate(problem, ts.AttentionGD(0.3, keys, head), 60, 4, draw="vectors")
    rows, start = tokens.reshape(-1, 30), np.zeros(30)
    start[:2] = problem.head
    q = matrix @ (run.query[-1] @ rows @ matrix) + run.carried[-1] @ rows
    v = start + run.head[-1] @ rows
    rng, found = np.random.default_rng(0), []
    for _ in range(6000):
        own = rng.integers(2)
        x = problem.noise_std * rng.standard_normal((5, 30))
        x[0, own] += problem.signal_norm
        x[1, own] += problem.relevance * problem.signal_norm
        x[2, 1 - own] += problem.relevance * problem.signal_norm
        weights = np.exp(x @ q - (x @ q).max())
        found.append((1 - 2 * own) * (weights @ (x @ v)) / weights.sum())
    margins = run.margins(n_test=20_000)
    assert stats.ks_2samp(found, margins).pvalue > 1e-3
    assert stats.ks_2samp(found, ts.simulate(problem, ts.AttentionGD(0.3, keys, head), 0, 4).margins()).pvalue < 1e-6


def test_estimates() -> None:
    """Share and mean of the margins, four standard errors at most from those of many more; at any record."""
    run = ts.simulate(SMALL, GD, 40, 2, record_every=20)
    for at in (0, 20, 40):
        many = run.margins(at, 400_000, seed=99)
        error, loss = run.test_error(at, 5000), run.test_loss(at, 5000)
        margins = run.margins(at, 5000)
        assert error.value == (margins <= 0).mean()
        assert loss.value == pytest.approx(np.log1p(np.exp(-margins)).mean(), rel=1e-12)
        for one, values in ((error, many <= 0), (loss, np.log1p(np.exp(-many)))):
            assert one.low < one.value < one.high
            assert abs(one.value - values.mean()) < 4 * values.std() / math.sqrt(5000)
    np.testing.assert_array_equal(run.margins(n_test=700_000)[:300_000], run.margins(n_test=300_000))
    assert run.test_loss(seed=5) != run.test_loss(seed=6)


def test_intervals_cover() -> None:
    """Those of 300 test sets hold the error of a large one about as often as they say."""
    run = ts.simulate(SMALL, GD, 20, 2)
    truth = (run.margins(n_test=2_000_000, seed=10**6) <= 0).mean()
    held = [one.low <= truth <= one.high for one in (run.test_error(n_test=300, seed=seed) for seed in range(300))]
    assert stats.binomtest(sum(held), 300, 0.95, "less").pvalue > 1e-3


def test_without_noise_fresh_samples_are_certain() -> None:
    """Two kinds of margins, one for each label; without signal too, where there is no answer."""
    run = ts.simulate(SMALL.replace(noise_std=0.0), GD, 40)
    assert len(np.unique(run.margins())) == 2
    nothing = ts.simulate(SMALL.replace(noise_std=0.0, signal_norm=0.0, head_norm=1.0), GD, 5)
    assert nothing.test_error().value == 1.0 and nothing.test_loss().value == pytest.approx(math.log(2))


@pytest.mark.parametrize("covariance", [[[4.0, 2.0], [2.0, 1.0]], [[0.0, 0.0], [0.0, 9.0]], [[0.0, 0.0], [0.0, 0.0]],
                                        [[2.0, -1.0], [-1.0, 3.0]]])
def test_root(covariance: list[list[float]]) -> None:
    """Of singular ones too."""
    root = _root(np.array(covariance))
    np.testing.assert_allclose(root @ root.T, covariance, atol=1e-15)


def test_a_length_that_overflows_is_named() -> None:
    """No test error without a warning that it is none."""
    huge = SMALL.replace(key_law="gaussian", key_std=1e20, signal_norm=1e20, noise_std=1e20, head_norm=1e20)
    run = ts.simulate(huge, ts.AttentionGD(1e-70), 1)
    query = run.replace(query=np.full_like(run.query, 1e99))
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="the length of Wp or v overflows"):
        query.test_error()


# --- times, words, verbs ------------------------------------------------------------------------------------------


def test_times() -> None:
    """First rows at which they hold; NaN for what does not come, and where no label is flipped."""
    run = ts.simulate(SMALL.replace(signal_norm=6.0, d=200), ts.AttentionGD(0.05), 400, 1)
    times, table = run.stage_times(), run.observables
    for name, reached in (("selected", table["signal_weight_clean"] >= 0.5),
                          ("memorised", table["noisy_accuracy"] >= 1), ("fitted", table["train_error"] <= 0)):
        assert times[name] == (np.flatnonzero(reached)[0] if reached.any() else pytest.approx(math.nan, nan_ok=True))
    assert 0 < times.selected <= 400 and times.fitted >= times.memorised
    clean = ts.simulate(SMALL.replace(label_flip=0.0), GD, 3)
    assert math.isnan(clean.stage_times().memorised) and np.isnan(clean.column("signal_weight_noisy")).all()


def test_softmax_weights_add_up() -> None:
    """Over kinds, in each group; and are those of attention()."""
    run = ts.simulate(SMALL, GD, 50, 3)
    weights, flipped = run.attention(), run.draw.flipped
    for group, name in ((~flipped, "clean"), (flipped, "noisy")):
        parts = [run.column(f"{kind}_weight_{name}") for kind in ("signal", "weak", "noise")]
        np.testing.assert_allclose(sum(parts), 1.0, rtol=1e-12)
        assert parts[0][-1] == pytest.approx(weights[group, 0].mean(), rel=1e-12)
        assert parts[1][-1] == pytest.approx(weights[group, 1:3].sum(axis=1).mean(), rel=1e-12)


def test_overflow_is_told() -> None:
    """The step, and what to lower."""
    crowd = ts.TokenSelection(n=12, d=2, tokens=2, opposed=0, signal_norm=1.0, label_flip=0.34)
    with pytest.raises(ts.DivergenceError, match="overflow at step [0-9]+; lower lr .now 1e.99."):
        ts.simulate(crowd, ts.AttentionGD(1e99, train_head=True), 400)


def test_picture() -> None:
    """Of one run, and of several by name; four panels and no fewer."""
    runs = {f"‖μ‖ = {norm:g}": [ts.simulate(SMALL.replace(signal_norm=norm), GD, 20 + seed, seed) for seed in range(3)]
            for norm in (1.0, 5.0)}
    panels = ts.plot.dynamics(runs)
    assert panels.shape == (4,) and len(panels[2].lines) == 4 and len(panels[0].collections) == 2
    middle = np.median([one.column("train_loss")[:21] for one in runs["‖μ‖ = 1"]], axis=0)
    np.testing.assert_array_equal(panels[0].lines[0].get_ydata(), middle)
    assert ts.plot.dynamics(runs["‖μ‖ = 5"][0]).shape == (4,)
    with pytest.raises(ValueError, match="axes: must be 4 Axes, got 2"):
        ts.plot.dynamics(runs, axes=plt.subplots(1, 2)[1])
    plt.close("all")


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Facts, times, test error and loss, picture, table, a run that the checker takes; errors as such."""
    paths = [tmp_path / name for name in ("run.csv", "run.npz", "run.png")]
    arguments = ["attention", "--d", "60", "--signal-norm", "9", "--steps", "80", "--quiet", "--train-keys",
                 "--csv", str(paths[0]), "--save", str(paths[1]), "--plot", str(paths[2])]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    run = ts.simulate(ts.TokenSelection(d=60, signal_norm=9.0), ts.AttentionGD(5e-3, train_keys=True), 80)
    error, loss = run.test_error(), run.test_loss()
    assert "completed" in out and "selected" in out and f"wrote {paths[1]}" in out
    assert f"test error           {error.value:.4g} [{error.low:.4g}, {error.high:.4g}]" in out
    assert f"test loss            {loss.value:.4g} [{loss.low:.4g}, {loss.high:.4g}]" in out
    assert ts.load_run(paths[1]).rows.tobytes() == run.rows.tobytes()
    pd.testing.assert_frame_equal(pd.read_csv(paths[0], index_col="step"), run.observables, check_index_type=False)
    assert matplotlib.image.imread(paths[2]).std() > 0.01
    assert main(["attention", "--tokens", "2", "--quiet"]) == 2
    assert "tokens=2: must be at least 1 + weak + opposed = 3" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["attention", "--help"])
    assert "examples:" in capsys.readouterr().out


def test_sweep_and_scaling() -> None:
    """Measures of a cell are those of its run; the time of selection is as 1/η where steps are small."""
    table = ts.sweep(SMALL, grid={"signal_norm": [2.0, 5.0]}, algorithms={"GD": GD}, steps=30, seeds=2, n_test=500,
                     measure=["test_error", "test_loss", "selected", "signal_weight_noisy"])
    for _, row in table.iterrows():
        run = ts.simulate(SMALL.replace(signal_norm=row["signal_norm"]), GD, 30, row["draw_seed"])
        assert row["test_error"] == run.test_error(n_test=500).value
        assert row["test_loss"] == run.test_loss(n_test=500).value
        assert row["signal_weight_noisy"] == run.column("signal_weight_noisy")[-1]
        np.testing.assert_equal(row["selected"], run.stage_times().selected)
    strong = SMALL.replace(signal_norm=6.0, key_law="gaussian", d=200)
    steps = [ts.simulate(strong, ts.AttentionGD(lr), 4000, 1).stage_times().selected for lr in (1e-3, 2e-3, 4e-3)]
    np.testing.assert_allclose(np.array(steps) * [1, 2, 4], steps[0], rtol=0.02)


def test_magen_et_al() -> None:
    """f(X) = vᵀXᵀ softmax(Xp) with p(0) = v(0) = 0, both trained: the first step moves v alone, the second p, too."""
    problem = ts.TokenSelection(n=40, d=4000, tokens=2, weak=0, opposed=0, signal_norm=40.0, label_flip=0.1,
                                key_law="identity", head_norm=0.0)
    run = ts.simulate(problem, ts.AttentionGD(0.02, train_head=True), 2, 1, record_every=1)
    assert run.column("query_norm")[:2].tolist() == [0.0, 0.0] and run.column("query_norm")[2] > 0
    assert run.column("head_norm")[0] == 0.0 < run.column("head_norm")[1]
    assert run.column("train_error")[2] == 0.0


def test_columns() -> None:
    """All are told of, and no other."""
    assert tuple(ts.simulate(SMALL, GD, 1).observables.columns) == tuple(ATTENTION_OBSERVABLES)
