"""Attention on tokens: coordinates against explicit p, W and v in loops, the law of draws and of fresh tokens."""

import math
from dataclasses import replace
from functools import cache
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import stats

import theorysim as ts
from theorysim.attention import draw as draws
from theorysim.attention import token_vectors
from theorysim.attention.problem import LARGEST_NORM
from theorysim.attention.run import ATTENTION_OBSERVABLES

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
            np.testing.assert_allclose(run.scores(step), scores, rtol=0, atol=tolerance * max(1.0, np.abs(scores).max()))
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


def given(n: int, tokens: int, d: int, labels: Any, seed: int = 1, **fields: Any) -> tuple[ts.TokenSelection, Any, Any]:
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
