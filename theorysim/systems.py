"""simulate() and resume() for every system: the problem decides which one."""

import inspect
from typing import Any, NamedTuple, overload

from theorysim import linear, reweighting
from theorysim.core import validate
from theorysim.patch.algorithm import GradientDescent
from theorysim.linear import LinearNetwork, LinearRun, LinearSGD, OscillatingLayer, OscillationRun
from theorysim.patch.patch_data import PatchData
from theorysim.patch.problem import Problem, SignalNoise
from theorysim.reweighting import KernelReweighting, Reweighting, ReweightingRun
from theorysim.patch.run import Run
from theorysim.patch.simulate import resume as resume_patches, simulate as simulate_patches

PROBLEMS = (SignalNoise, PatchData, LinearNetwork, KernelReweighting)


@overload
def simulate(
    problem: Problem, algorithm: GradientDescent, steps: int, seed: int = 0, **options: Any
) -> Run: ...


@overload
def simulate(
    problem: LinearNetwork, algorithm: LinearSGD, steps: int, seed: int = 0, **options: Any
) -> LinearRun: ...


@overload
def simulate(
    problem: LinearNetwork, algorithm: OscillatingLayer, steps: int, seed: int = 0, **options: Any
) -> OscillationRun: ...


@overload
def simulate(
    problem: KernelReweighting, algorithm: Reweighting, steps: int, seed: int = 0, **options: Any
) -> ReweightingRun: ...


def simulate(problem: Any, algorithm: Any, steps: int, seed: int = 0, **options: Any) -> Any:
    """Simulate one training of any system; the problem and the algorithm decide which.

    - :class:`SignalNoise` or :class:`PatchData` with :class:`GradientDescent`: the patch network, below.
    - :class:`LinearNetwork` with :class:`LinearSGD`: a :class:`LinearRun`; the keywords are those of
      ``theorysim.linear.simulate_linear``.
    - :class:`LinearNetwork` with :class:`OscillatingLayer`: an :class:`OscillationRun`; the keywords are those of
      ``theorysim.linear.oscillate``.
    - :class:`KernelReweighting` with :class:`Reweighting`: a :class:`ReweightingRun`; the keywords are those of
      ``theorysim.reweighting.simulate_reweighting``, or, with ``engine="network"`` and a ``width``, those of
      ``theorysim.reweighting.simulate_network``.

    """
    validate.instance("problem", problem, PROBLEMS)
    if isinstance(problem, LinearNetwork):
        run = linear.oscillate if isinstance(algorithm, OscillatingLayer) else linear.simulate_linear
        return run(problem, algorithm, steps, seed, **options)
    if isinstance(problem, KernelReweighting):
        engine = validate.choice("engine", options.pop("engine", "kernel"), ("kernel", "network"))
        train = reweighting.simulate_reweighting if engine == "kernel" else reweighting.simulate_network
        return train(problem, algorithm, steps, seed, **options)
    return simulate_patches(problem, algorithm, steps, seed, **options)


@overload
def resume(run: Run, steps: int, **options: Any) -> Run: ...


@overload
def resume(run: LinearRun, steps: int, **options: Any) -> LinearRun: ...


@overload
def resume(run: ReweightingRun, steps: int, **options: Any) -> ReweightingRun: ...


def resume(run: Any, steps: int, **options: Any) -> Any:
    """Continue a run of any system; of a :class:`LinearRun` as ``theorysim.linear.resume_linear`` does, of a
    :class:`ReweightingRun` as ``theorysim.reweighting.resume_reweighting``.

    """
    validate.instance("run", run, (Run, LinearRun, ReweightingRun))
    if isinstance(run, LinearRun):
        return linear.resume_linear(run, steps, **options)
    if isinstance(run, ReweightingRun):
        return reweighting.resume_reweighting(run, steps, **options)
    return resume_patches(run, steps, **options)


class _Named(NamedTuple):
    name: str


def system_of(run: Any) -> _Named:
    """The system of a run."""
    kinds = {Run: "patch", LinearRun: "linear", OscillationRun: "oscillation", ReweightingRun: "reweighting"}
    return _Named(next((name for kind, name in kinds.items() if isinstance(run, kind)), ""))


# What help() and an editor show is what most calls need: the keywords of the patch network.
for _own, _patch in ((simulate, simulate_patches), (resume, resume_patches)):
    setattr(_own, "__signature__", inspect.signature(_patch))
    _own.__doc__ = f"{inspect.getdoc(_own)}\n\n{inspect.getdoc(_patch)}"
