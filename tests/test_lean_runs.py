"""Runs that leave things out: observables of coefficients, and the Gram matrix of very many samples."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from all_systems import SIGNAL, assert_same, assert_same_run, control_c, images, one_step_chunks

import theorysim as ts
from theorysim.patch import model_draw
from theorysim.patch.draw import Gram

RULES = {
    "flips": ts.GradientDescent(0.3, ts.Flip(0.2)),
    "mixed": ts.GradientDescent(0.1, ts.Flip(0.2), batch_size=2, momentum=0.5, sam_radius=0.1, train_readout=True),
    "clients": ts.GradientDescent(0.1, clients=2, local_steps=4),
}
STEPS = 280  # beyond a block of label noise

# --- observables of coefficients --------------------------------------------------------------------------------------


@pytest.mark.parametrize("every", [1, 7, 1000])
@pytest.mark.parametrize("name", RULES)
def test_resumed_with_outputs_alone(name: str, every: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is remembered, also on disk: the straight run in every bit, with coefficients at its records and nowhere else.
    """
    keywords: dict[str, Any] = {"seed": 3, "observe": "outputs", "observables_every": every, "record_every": 40}
    straight = ts.simulate(SIGNAL, RULES[name], STEPS, **keywords)
    seen = straight.steps_observed[~np.isnan(straight.column("gamma_max"))]
    assert straight.observe == "outputs" and seen.tolist() == straight.steps_recorded.tolist()
    whole = ts.simulate(SIGNAL, RULES[name], STEPS, **keywords | {"observe": "all"})
    known = ~np.isnan(straight.rows)
    np.testing.assert_array_equal(straight.rows[known], whole.rows[known])
    for cut in (0, 1, 37, 40, 255, 256, STEPS):
        ts.simulate(SIGNAL, RULES[name], cut, **keywords).save(tmp_path / "run.npz")
        assert_same_run(ts.resume(ts.load_run(tmp_path / "run.npz"), STEPS - cut), straight)
    one_step_chunks(monkeypatch)
    assert_same_run(ts.simulate(SIGNAL, RULES[name], STEPS, **keywords), straight)
    with control_c(monkeypatch, 33):
        run = ts.simulate(SIGNAL, RULES[name], STEPS, **keywords)
    assert not np.isnan(run.rows[-1]).all() and run.steps == 33
    assert_same_run(ts.resume(run, STEPS - 33), straight)


def test_looked_at_again_or_from_now_on() -> None:
    """Made again it has all rows; resumed with another choice the further ones; what looks at every step needs all."""
    run = ts.simulate(SIGNAL, RULES["flips"], 30, 3, observe="outputs")
    more = ts.again(run)
    assert more.observe == "all" and not np.isnan(more.rows).any()
    with pytest.raises(ValueError, match="observe='outputs': must be 'all' with until="):
        ts.resume(run, 9, until=lambda seen: seen["train_loss"] < 0)
    further = ts.resume(run, 9, until=lambda seen: seen["step"] >= 35, observe="all")
    assert further.steps == 35 and further.observe == "all"
    assert_same(further.rows[31:], ts.simulate(SIGNAL, RULES["flips"], 35, 3).rows[31:])
    less = ts.resume(ts.simulate(SIGNAL, RULES["flips"], 30, 3, record_at=[30]), 30, observe="outputs")
    assert np.isnan(less.column("gamma_max")).sum() == 29
    with pytest.raises(ValueError, match="observe='none': must be one of 'all', 'outputs'"):
        ts.resume(run, 9, observe="none")  # type: ignore[call-overload]


# --- very many samples ------------------------------------------------------------------------------------------------

MANY = 60_000
LARGE: dict[str, Any] = {
    "by law": ts.PatchModel([ts.Signal(1.0), ts.Spurious(1.0, 0.9), ts.Noise(0.3)], n=MANY, d=12, m=2, init_std=0.1),
    "signal and noise": ts.SignalNoise(n=MANY, d=12, m=2, signal_norm=1.0, noise_std=0.3, init_std=0.1),
}


@pytest.mark.compiled
@pytest.mark.parametrize("name", LARGE)
def test_many_samples_in_few_dimensions(name: str) -> None:
    """Explicit weights need no Gram matrix, neither for training nor for what is asked of the run; resumed as well."""
    problem, rule = LARGE[name], ts.GradientDescent(0.5, batch_size=1000, momentum=0.5)
    run = ts.simulate(problem, rule, 3, engine="auto")
    assert run.engine == "weights" and vars(run.draw)["gram"] is None
    draw = run.draw
    patches, labels = draw.sign[..., None] * draw.vectors[draw.atom], draw.observed_labels
    vote, weights, velocity = np.repeat([0.5, -0.5], 2), draw.weights.copy(), 0.0
    rng_order = [np.flatnonzero(share) for share in _shares(problem, rule, 3)]
    for batch in rng_order:
        inner = np.maximum(patches[batch] @ weights.T, 0)  # (B, P, 2m)
        pull = labels[batch] / (1 + np.exp(labels[batch] * (inner**2 @ vote).sum(axis=1)))
        velocity = 0.5 * velocity + np.einsum("b,bpk,bpd->kd", pull, 2 * inner * vote, patches[batch]) / len(batch)
        weights = weights + 0.5 * velocity
    np.testing.assert_allclose(run.weights_at(), weights, rtol=1e-10, atol=1e-12)
    outputs = (np.maximum(patches @ weights.T, 0) ** 2 @ vote).sum(axis=1)
    np.testing.assert_allclose(run.outputs(), outputs, rtol=1e-8, atol=1e-12)
    assert ts.resume(run, 1).steps == 4 and vars(run.draw)["gram"] is None


def _shares(problem: Any, rule: ts.GradientDescent, steps: int) -> Any:
    from theorysim.patch.begin import start

    return start(problem, rule, steps, 0, engine="auto").source.rows(0, steps).share


@pytest.mark.parametrize("engine", ["coefficients", "paired", None])
@pytest.mark.parametrize("name", LARGE)
def test_too_many_for_a_gram_matrix(name: str, engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engines that need one are refused before anything is drawn, and told of the one that does not."""
    monkeypatch.setattr(ts.Draw, "from_problem", lambda *_: pytest.fail("it was drawn"))
    with pytest.raises(ValueError, match=r"n=60000: .* 26.8 GiB; at most 16 GiB is allowed; .*engine='weights'"):
        ts.simulate(LARGE[name], ts.GradientDescent(0.1), 2, engine=engine)


def test_products_without_a_gram_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is none they are made of the vectors, and asking for it says why; one that is given stays."""
    for problem, given in ((SIGNAL, False), (images(), True)):
        run = ts.simulate(problem, RULES["mixed"], 30, draw="vectors" if not given else "auto", engine="weights")
        wanted = run.products()
        bare = run.replace(draw=ts.Draw.from_problem(problem, 0, "vectors"))
        with monkeypatch.context() as changed:
            changed.setattr(model_draw, "MAX_BYTES", 8)
            np.testing.assert_allclose(bare.products(), wanted, rtol=1e-12, atol=1e-14)
            if given:
                assert bare.draw.gram.shape == (len(bare.draw.vectors),) * 2
            else:
                with pytest.raises(ValueError, match="n=5: the inner products of 6 patches would take"):
                    bare.draw.gram
        assert isinstance(vars(ts.Draw)["gram"], Gram)
