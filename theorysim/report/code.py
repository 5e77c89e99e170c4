"""The lines of Python that make a value again, where its repr says all of it; read and built here, never evaluated."""

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from theorysim.core.run import Run
from theorysim.core.status import Status
from theorysim.systems import simulate, system_of_run

HOME, SHORT = "theorysim", "ts"
CLOSE = 1e-9
LONGEST = 2000  # signs of a line that people would run


class NoCodeError(ValueError):
    """What a value is made of is not in its repr."""


@dataclass(frozen=True)
class Lines:
    """Python code, and what it leaves out; ``code`` is "" where there is none."""

    code: str
    note: str


def of_run(run: Run) -> Lines:
    """The lines that make a run again, after its start has been made with them and compared."""
    try:
        keywords, lacking = _keywords(run)
        packages: set[str] = set()
        problem, algorithm = (spelled(one, packages) for one in (run.problem, run.algorithm))
        _compare_start(run, keywords)
        told = {name: spelled(value, packages) for name, value in keywords.items()}
    except NoCodeError as error:
        return Lines("", f"This run cannot be made again from code alone: {error}. Keep it with run.save(path).")
    given = "".join(f", {name}={value}" for name, value in told.items())
    steps = max(run.steps, run.stopped_at or 0) if run.status == Status.DIVERGED else run.steps
    code = "\n".join([imports_of(packages | {HOME}), f"problem, algorithm = {problem}, {algorithm}",
                      f"run = {SHORT}.simulate(problem, algorithm, steps={steps}, seed={run.seed}{given})"])
    return Lines(code, f"Not in these lines: {', '.join(lacking)}." if lacking else "")


def _keywords(run: Run) -> tuple[dict[str, Any], list[str]]:
    """Keywords of simulate() that are not at their defaults, and in words what is not among them."""
    system = system_of_run(run)
    try:
        known = system.again(run)
    except ValueError as error:
        raise NoCodeError(str(error).removeprefix("run: ")) from None
    kept = {name: getattr(run, name) for name in system.keywords() if hasattr(run, name)}
    known |= {name: value for name, value in kept.items() if name not in known or _spellable(value)}
    usual = inspect.signature(system.start).parameters
    found: dict[str, Any] = {}
    if run.record_every is not None and not run.listed:
        found["record_every"] = run.record_every
    if run.status == Status.DIVERGED:
        found["on_failure"] = "return"
    if "engine" in system.keywords() and run.engine != system.engines[0]:
        found["engine"] = run.engine
    for name, value in known.items():
        if name in usual and name not in ("draw", "engine") and not _same(value, usual[name].default):
            found[name] = value
    form = getattr(run.draw, "form", None)
    if isinstance(form, str) and "draw" in usual:
        found["draw"] = form
    lacking = [f"the steps to record ({len(run.steps_recorded)})"] if run.listed else []
    lacking += [f"one's own observables ({', '.join(run.own)})"] if run.own else []
    for name in [name for name, value in found.items() if not _spellable(value)]:
        if name not in run.PER_RECORD:  # whether these are drawn is seen at the start
            raise NoCodeError(f"{name} is made of what its repr does not say")
        del found[name]
    return found, lacking


def _spellable(value: Any) -> bool:
    try:
        spelled(value, set())
    except NoCodeError:
        return False
    return True


def _compare_start(run: Run, keywords: dict[str, Any]) -> None:
    """Raise where these keywords do not start as the run did: its draw, or its weights, were given.

    A word for the draw that the run would have without it is left out.
    """
    trials = [{name: value for name, value in keywords.items() if name != "draw"}, dict(keywords)]
    for trial in trials:
        try:
            start = simulate(run.problem, run.algorithm, 0, run.seed, **trial)
        except (TypeError, ValueError):
            continue  # such a word is of draws that are given
        if _same_start(run, start):
            keywords.clear()
            keywords.update(trial)
            return
    raise NoCodeError("its draw or its first weights were given, and are not drawn from the seed")


def _same_start(run: Run, start: Run) -> bool:
    """Whether records and observables of step 0 are the same: the former may be zero whatever was drawn.

    The last digits of observables depend on how many steps were looked at together.
    """
    if run.steps_recorded[0] or run.steps_observed[0]:
        return False
    pairs = [(getattr(run, name), getattr(start, name)) for name in run.PER_RECORD]
    pairs += [(run.column(name), start.column(name)) for name in run.table]
    return all(first is None or second is None or np.allclose(first[:1], second[:1], CLOSE, 0.0, equal_nan=True)
               for first, second in pairs)


def _same(first: Any, second: Any) -> bool:
    try:
        return bool(first == second)
    except ValueError:  # arrays
        return False


def imports_of(packages: set[str]) -> str:
    """A line for each package, this one by its short name."""
    own = [f"import {HOME} as {SHORT}"] if HOME in packages else []
    return "\n".join([*own, *(f"import {name}" for name in sorted(packages - {HOME}))])


def spelled(value: Any, packages: set[str]) -> str:
    """A value in Python, names with the package they are from; ``packages`` collects these.

    Raises
    ------
    NoCodeError
        Where its repr does not make an equal value.
    """
    told = repr(value)
    if len(told) > LONGEST:
        raise NoCodeError(f"a {type(value).__name__} has too much in it to be written out")
    try:
        tree = ast.parse(told, mode="eval").body
        kinds = {kind.__name__: kind for kind in _kinds(value)}
        equal = _same(_built(tree, kinds), value)
    except (SyntaxError, NoCodeError, TypeError, ValueError):
        equal = False
    if not equal:
        raise NoCodeError(f"a {type(value).__name__} is made of what its repr does not say")
    return ast.unparse(_Places(kinds, packages).visit(tree))


def _kinds(value: Any) -> Iterator[type]:
    """The types of a value and of all that it is made of."""
    yield type(value)
    inner: Iterable[Any] = ()
    if is_dataclass(value) and not isinstance(value, type):
        inner = (getattr(value, one.name) for one in fields(value))
    elif isinstance(value, tuple | list):
        inner = value
    elif isinstance(value, dict):
        inner = (*value.keys(), *value.values())
    for one in inner:
        yield from _kinds(one)


def _built(node: ast.AST, kinds: dict[str, type]) -> Any:
    """The value of a syntax tree of calls of some types, sums of them, and constants; of nothing else."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Tuple):
        return tuple(_built(one, kinds) for one in node.elts)
    if isinstance(node, ast.List):
        return [_built(one, kinds) for one in node.elts]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_built(node.operand, kinds)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _built(node.left, kinds) + _built(node.right, kinds)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds:
        given = {str(one.arg): _built(one.value, kinds) for one in node.keywords}
        return kinds[node.func.id](*(_built(one, kinds) for one in node.args), **given)
    raise NoCodeError


class _Places(ast.NodeTransformer):
    """Names of types become the shortest place they can be had from: the package itself, else their module."""

    def __init__(self, kinds: dict[str, type], packages: set[str]) -> None:
        self.kinds, self.packages = kinds, packages

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """A name that is called."""
        kind = self.kinds[node.id]
        package = kind.__module__.partition(".")[0]
        if package == "__main__" or "<locals>" in kind.__qualname__:
            raise NoCodeError(f"the type {kind.__name__} is defined where the code was run")
        public = getattr(sys.modules[package], kind.__name__, None) is kind
        place = package if public else kind.__module__
        self.packages.add(place)
        return ast.parse(f"{SHORT if place == HOME else place}.{kind.__name__}", mode="eval").body
