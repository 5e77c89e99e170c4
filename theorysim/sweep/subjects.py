"""What a sweep needs to know of a system: its fields and numbers, what a run costs, how it is made and measured."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any

from theorysim.patch.algorithm import Flip, Gaussian, GradientDescent, Uniform
from theorysim.linear import LINEAR_OBSERVABLES, LinearNetwork, LinearRun, LinearSGD
from theorysim.patch.observables import OBSERVABLES
from theorysim.patch.problem import DERIVED, SignalNoise
from theorysim.reweighting import REWEIGHTING_OBSERVABLES, KernelReweighting, Reweighting, ReweightingRun
from theorysim.patch.risk import Estimate
from theorysim.systems import simulate

Value = float | int | bool | str | None
LAW_FIELDS = {field.name for law in (Flip, Gaussian, Uniform) for field in fields(law)}
OVERHEAD = 5e7  # of a run, as floating-point operations that take as long: draw, set up, measure


@dataclass(frozen=True)
class Reading:
    """One run as measures see it; what several of them need is found once."""

    run: Any
    constants: Mapping[str, Any]
    n_test: int

    @cached_property
    def error(self) -> Estimate:
        """On fresh data, against true labels."""
        found: Estimate = self.run.test_error(n_test=self.n_test, method="monte-carlo")
        return found

    @cached_property
    def times(self) -> Any:
        """Stage times."""
        if isinstance(self.run, LinearRun | ReweightingRun):
            return self.run.stage_times()
        thresholds = ("epsilon", "gamma_threshold")
        return self.run.stage_times(**{name: self.constants[name] for name in thresholds if name in self.constants})


@dataclass(frozen=True)
class Subject:
    """A system that can be swept.

    Attributes
    ----------
    name : str
        Of the system, by which papers say what they are about.
    problem, algorithm : type
    fields : of the problem, that a grid may name
    algorithm_fields : of the algorithm
    instead : mapping
        From a number of the grid to the field that it takes the place of.
    numbers : function
        Of problem and algorithm (either may be None): all numbers that define a cell.
    change : function
        Of an algorithm and some of its fields: the algorithm with these.
    cost : function
        Of problem, algorithm and steps: work in floating-point operations.
    simulate : function
        Of problem, algorithm, steps and seed, with policy, precision and what the measures need to see ("all" states,
        "times" or "outputs").
    observables : mapping
        Whose last value is a measure.
    measures : mapping
        The others, by name.
    usual : names
        What is kept unless asked otherwise.
    policies, single : bool
        Whether it knows policies, and single precision.
    """

    name: str
    problem: Any
    algorithm: Any
    fields: tuple[str, ...]
    algorithm_fields: frozenset[str]
    instead: Mapping[str, str]
    numbers: Callable[[Any, Any], dict[str, Any]]
    change: Callable[[Any, Mapping[str, Any]], Any]
    cost: Callable[[Any, Any, int], float]
    simulate: Callable[..., Any]
    observables: Mapping[str, str]
    measures: Mapping[str, Callable[[Reading], Value]]
    usual: tuple[str, ...]
    policies: bool = False
    single: bool = False


def _patch_numbers(problem: SignalNoise | None, algorithm: GradientDescent | None) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    if problem is not None:
        numbers |= asdict(problem)
        numbers["tau_plus"], numbers["tau_minus"] = problem.flip_rates
        del numbers["label_flip"]
        numbers |= {name: getattr(problem, name) for name in DERIVED}
    if algorithm is not None:
        law = algorithm.label_noise
        numbers |= {"lr": algorithm.lr, "label_noise": "none" if law is None else type(law).__name__.lower()}
        numbers |= {} if law is None else asdict(law)
    return numbers


def _patch_change(algorithm: GradientDescent, changes: Mapping[str, Any]) -> GradientDescent:
    """Fields of a law of label noise change only where it has them."""
    law = algorithm.label_noise
    if law is not None:
        mine = {name: value for name, value in changes.items() if name in {field.name for field in fields(law)}}
        algorithm = replace(algorithm, label_noise=replace(law, **mine))
    return replace(algorithm, lr=changes["lr"]) if "lr" in changes else algorithm


def _patch_cost(problem: SignalNoise, _algorithm: GradientDescent, steps: int) -> float:
    """One product (2m, K) by (K, K) a step, and what is around it."""
    return OVERHEAD + steps * 4.0 * problem.m * problem.atoms * (problem.atoms + 60)


def _patch_simulate(
    problem: SignalNoise, algorithm: GradientDescent, steps: int, seed: int, *, policy: Any, precision: str, needs: str
) -> Any:
    options: dict[str, Any] = {} if needs == "all" else {"record_at": ()}
    if policy is None and needs == "outputs":
        options["observe"] = "outputs"
    return simulate(problem, algorithm, steps, seed, policy=policy, precision=precision, on_failure="return", **options)


PATCH = Subject(
    name="patch",
    problem=SignalNoise,
    algorithm=GradientDescent,
    fields=(*(field.name for field in fields(SignalNoise)), *DERIVED),
    algorithm_fields=frozenset({"lr"} | LAW_FIELDS),
    instead={"snr": "signal_norm", "n_snr2": "signal_norm", "d_over_n2": "d"},
    numbers=_patch_numbers,
    change=_patch_change,
    cost=_patch_cost,
    simulate=_patch_simulate,
    observables=OBSERVABLES,
    measures={
        "test_error": lambda seen: seen.error.value,
        "test_accuracy": lambda seen: 1 - seen.error.value,
        "test_error_observed": lambda seen: seen.run.test_error(
            n_test=seen.n_test, labels="observed", method="monte-carlo").value,
        "log10_test_error": lambda seen: seen.run.test_error(n_test=seen.n_test).log10_value,
        "memory_test_error": lambda seen: seen.run.test_error(kind="memory").value,
        "precision": lambda seen: None if seen.run.selection is None else seen.run.selection.precision,
        "recall": lambda seen: None if seen.run.selection is None else seen.run.selection.recall,
        "stopped_at": lambda seen: seen.run.stopped_at,
        "T1": lambda seen: seen.times.T1,
        "T2": lambda seen: seen.times.T2,
    },
    usual=("test_error", "train_loss"),
    policies=True,
    single=True,
)


def _linear_numbers(problem: LinearNetwork | None, algorithm: LinearSGD | None) -> dict[str, Any]:
    numbers: dict[str, Any] = {} if problem is None else asdict(problem)
    numbers.pop("target", None)
    return numbers | ({} if algorithm is None else asdict(algorithm))


def _linear_cost(problem: LinearNetwork, algorithm: LinearSGD, steps: int) -> float:
    rows = min(problem.width, problem.d + 1)
    return OVERHEAD + steps * problem.d * (8.0 * rows + 4.0 * algorithm.samples(problem))


def _simulate_plainly(
    problem: Any, algorithm: Any, steps: int, seed: int, *, policy: None, precision: str, needs: str
) -> Any:
    """For systems without policies and single precision."""
    return simulate(problem, algorithm, steps, seed, record_at=None if needs == "all" else (), on_failure="return")


LINEAR = Subject(
    name="linear",
    problem=LinearNetwork,
    algorithm=LinearSGD,
    fields=tuple(field.name for field in fields(LinearNetwork)),
    algorithm_fields=frozenset(field.name for field in fields(LinearSGD)),
    instead={"target_norm": "target"},
    numbers=_linear_numbers,
    change=lambda algorithm, changes: replace(algorithm, **changes),
    cost=_linear_cost,
    simulate=_simulate_plainly,
    observables=LINEAR_OBSERVABLES,
    measures={
        "T1_first": lambda seen: seen.times.T1_first,
        "T1_half": lambda seen: seen.times.T1_half,
        "T1_all": lambda seen: seen.times.T1_all,
        "T2_half": lambda seen: seen.times.T2_half,
        "T2_most": lambda seen: seen.times.T2_most,
        "T3": lambda seen: seen.times.T3,
        "test_loss_floor": lambda seen: seen.run.loss_floor(),
        "stopped_at": lambda seen: seen.run.stopped_at,
    },
    usual=("test_loss", "alignment"),
)


def _reweighting_numbers(problem: KernelReweighting | None, algorithm: Reweighting | None) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    if problem is not None:
        numbers |= {field.name: getattr(problem, field.name) for field in fields(problem)}
        numbers["data"] = repr(problem.data)
    return numbers | ({} if algorithm is None else asdict(algorithm))


def _reweighting_cost(problem: KernelReweighting, _algorithm: Reweighting, steps: int) -> float:
    """Three products a step, and the largest eigenvalue."""
    return OVERHEAD + problem.n**3 + steps * 2.0 * problem.n * (problem.n + 3 * problem.clean)


REWEIGHTING = Subject(
    name="reweighting",
    problem=KernelReweighting,
    algorithm=Reweighting,
    fields=tuple(field.name for field in fields(KernelReweighting)),
    algorithm_fields=frozenset(field.name for field in fields(Reweighting)),
    instead={},
    numbers=_reweighting_numbers,
    change=lambda algorithm, changes: replace(algorithm, **changes),
    cost=_reweighting_cost,
    simulate=_simulate_plainly,
    observables=REWEIGHTING_OBSERVABLES,
    measures={
        "t_pol": lambda seen: seen.times["t_pol"],
        "t1": lambda seen: seen.times["t1"],
        "t2": lambda seen: seen.times["t2"],
        "stopped_at": lambda seen: seen.run.stopped_at,
    },
    usual=("test_accuracy", "auc"),
)

SUBJECTS = (PATCH, LINEAR, REWEIGHTING)


def subject_of(problem: Any, algorithms: Mapping[str, Any]) -> Subject:
    """The system that a sweep is of: told by its problem, or, where this is a function, by an algorithm."""
    given = [one[0] if isinstance(one, tuple) else one for one in algorithms.values()]
    by_problem = [one for one in SUBJECTS if isinstance(problem, one.problem)]
    by_algorithm = [one for one in SUBJECTS if any(isinstance(method, one.algorithm) for method in given)]
    return next(iter([*by_problem, *by_algorithm, PATCH]))
