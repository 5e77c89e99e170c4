"""Momentum, dampening, Nesterov, decay and clipping against torch.optim.SGD itself, where PyTorch is installed."""

from typing import Any

import numpy as np
import pytest
from rule_cases import PROBLEM, assert_close, readout_of, samples_of

import theorysim as ts

torch = pytest.importorskip("torch")

STEPS = 300
RULES: dict[str, dict[str, Any]] = {
    "plain": {},
    "momentum": {"momentum": 0.8},
    "dampening": {"momentum": 0.8, "dampening": 0.6},
    "Nesterov": {"momentum": 0.8, "nesterov": True},
    "decay": {"weight_decay": 0.02},
    "momentum, decay": {"momentum": 0.8, "weight_decay": 0.02},
    "dampening, decay": {"momentum": 0.8, "dampening": 0.3, "weight_decay": 0.02},
    "Nesterov, decay": {"momentum": 0.8, "nesterov": True, "weight_decay": 0.02},
}


@pytest.mark.parametrize("clip", [None, 0.05])
@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("name", RULES)
def test_rule_is_that_of_torch(name: str, trained: bool, clip: float | None) -> None:
    """Weights and readout at every step, gradients by automatic differentiation."""
    options, lr = RULES[name], 0.1
    algorithm = ts.GradientDescent(lr, **options, train_readout=trained, clip_norm=clip)
    draw = ts.Draw.from_problem(PROBLEM, 5, "vectors")
    run = ts.simulate(PROBLEM, algorithm, STEPS, draw=draw, record_every=1)
    samples, labels = (torch.tensor(np.array(one)) for one in (samples_of(draw), draw.observed_labels))
    weights = torch.tensor(draw.weights.copy(), requires_grad=True)
    readout = torch.tensor(readout_of(PROBLEM), requires_grad=trained)
    parameters = [weights, readout] if trained else [weights]
    optimiser = torch.optim.SGD(parameters, lr=lr, **options)
    kept, second = [], []
    for _ in range(STEPS + 1):
        kept.append(weights.detach().numpy().copy())
        second.append(readout.detach().numpy().copy())
        optimiser.zero_grad()
        outputs = (torch.relu(samples @ weights.T) ** 2).sum(dim=1) @ readout
        torch.nn.functional.softplus(-labels * outputs).mean().backward()
        if clip is not None:  # torch.nn.utils.clip_grad_norm_ divides by the norm plus 1e-6
            size = torch.sqrt(sum((one.grad**2).sum() for one in parameters))
            for one in parameters:
                one.grad *= min(1.0, clip / float(size))
        optimiser.step()
    assert_close([run.weights_at(t) for t in range(STEPS + 1)], kept)
    assert_close(run.readouts, second)
    assert np.abs(kept[-1] - kept[0]).max() > 0.1
