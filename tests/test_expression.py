"""Expressions: a loop over steps as reference, what is refused and how it says so, and formulas that can be drawn."""

import math
import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theorysim.check.formulas import parse, to_latex, to_mathml
from theorysim.theory.expression import DEEPEST, FUNCTIONS, Expression, compared, evaluate, read, written
from theorysim.theory.notation import formula

STEPS = 3
RNG = np.random.default_rng(7)
VALUES: dict[str, Any] = {  # one number; one a step; several entries a step
    "n": np.array([20.0]), "delta": np.array([0.05]), "train_loss": RNG.random(STEPS),
    "gamma_max": RNG.normal(size=STEPS), "gamma": RNG.normal(size=(STEPS, 2, 3)),
    "outputs": RNG.normal(size=(STEPS, 4)),
}
FLAT, GAMMA, OUTPUTS = (), (2, 3), (4,)
Tree = tuple[Any, ...]

# A tree is (kind, ...), beside the shape of its entries.
leaves = st.one_of(
    st.sampled_from([("name", "n"), ("name", "delta"), ("name", "train_loss"), ("name", "gamma_max")]),
    st.floats(0, 9, allow_subnormal=False).map(lambda value: ("number", round(value, 3))),
    st.integers(0, 9).map(lambda value: ("number", value)))
ENTRIES = st.sampled_from([(("name", "gamma"), GAMMA), (("name", "outputs"), OUTPUTS)])
POWERS = st.sampled_from([0, 1, 2, 3, 0.5, -1])


@st.composite
def trees(draw: st.DrawFn, depth: int = 4) -> tuple[Tree, tuple[int, ...]]:
    """An expression in which shapes fit."""
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        return draw(st.one_of(leaves.map(lambda one: (one, FLAT)), ENTRIES))
    one, shape = draw(trees(depth - 1))
    kind = draw(st.sampled_from(["minus", "binary", "function", "power", "several", "reduce"]))
    if kind == "minus":
        return ("minus", one), shape
    if kind == "power":
        return ("power", one, draw(POWERS)), shape
    if kind == "function":
        return ("call", draw(st.sampled_from(["abs", "exp", "log", "log10", "sqrt", "floor", "ceil"])), one), shape
    if kind == "reduce" and shape != FLAT:
        return ("call", draw(st.sampled_from(["max", "min", "sum", "mean", "norm"])), one), FLAT
    other, beside = draw(trees(depth - 1))
    if FLAT not in (shape, beside) and shape != beside:
        other, beside = ("call", "mean", other), FLAT
    sign = draw(st.sampled_from(["max", "min"] if kind == "several" else ["+", "-", "*", "/", "%"]))
    return ("two", sign, one, other), shape or beside


def typed(tree: Tree) -> str:
    """As a person types it, with all brackets."""
    kind, *parts = tree
    if kind in ("name", "number"):
        return str(parts[0])
    if kind == "minus":
        return f"-({typed(parts[0])})"
    if kind == "power":
        return f"({typed(parts[0])})**{parts[1]}"
    if kind == "call":
        return f"{parts[0]}({typed(parts[1])})"
    sign, left, right = parts
    one, other = typed(left), typed(right)
    return f"{sign}({one}, {other})" if sign in ("max", "min") else f"({one}) {sign} ({other})"


def at_step(tree: Tree, step: int) -> list[float]:
    """Its entries at one step, worked out entry by entry with the mathematics of Python."""
    kind, *parts = tree
    if kind == "number":
        return [float(parts[0])]
    if kind == "name":
        value = VALUES[parts[0]]
        return [float(one) for one in np.ravel(value[step if len(value) > 1 else 0])]
    if kind == "minus":
        return [-one for one in at_step(parts[0], step)]
    if kind == "power":
        return [power(one, parts[1]) for one in at_step(parts[0], step)]
    if kind == "call":
        return called(parts[0], at_step(parts[1], step))
    left, right = at_step(parts[1], step), at_step(parts[2], step)
    size = max(len(left), len(right))
    return [two(parts[0], left[k % len(left)], right[k % len(right)]) for k in range(size)]


def power(base: float, exponent: float) -> float:
    """NaN where it is not real, infinite where it overflows or divides by zero."""
    if math.isnan(base):
        return 1.0 if exponent == 0 else math.nan
    if base == 0 and exponent < 0:
        return math.copysign(math.inf, base)
    try:
        found = base**exponent
    except OverflowError:
        return math.copysign(math.inf, base) if exponent % 2 == 1 else math.inf
    return found if isinstance(found, float) else math.nan


def called(name: str, entries: list[float]) -> list[float]:
    """A function of entries, one by one or over all of them."""
    if name in ("max", "min", "sum", "mean", "norm"):
        if any(map(math.isnan, entries)):
            return [math.nan]
        if name in ("sum", "mean"):
            total = sum(entries)
            return [total / (len(entries) if name == "mean" else 1)]
        if name == "norm":
            return [math.sqrt(sum(product(one, one) for one in entries))]
        return [max(entries) if name == "max" else min(entries)]
    return [one_function(name, one) for one in entries]


def one_function(name: str, value: float) -> float:
    """A function of a number."""
    if math.isnan(value):
        return value
    if name in ("floor", "ceil"):
        return value if math.isinf(value) else float(math.floor(value) if name == "floor" else math.ceil(value))
    if name == "exp":
        return math.exp(value) if value < 709 else math.inf if value > 710 else float(np.exp(np.float64(value)))
    if name in ("log", "log10") and value <= 0:
        return -math.inf if value == 0 else math.nan
    if name == "sqrt":
        return math.sqrt(value) if value >= 0 else math.nan
    return abs(value) if name == "abs" else getattr(math, name)(value)


def product(one: float, other: float) -> float:
    """Floats of Python overflow to infinity in products."""
    return one * other


def two(sign: str, left: float, right: float) -> float:
    """Two numbers and an operation."""
    if math.isnan(left) or math.isnan(right):
        return math.nan
    if sign in ("max", "min"):
        return max(left, right) if sign == "max" else min(left, right)
    if sign in "+-":
        return left + right if sign == "+" else left - right
    if sign == "*":
        return product(left, right)
    if sign == "/":
        if right == 0:
            return math.nan if left == 0 else math.copysign(math.inf, left) * math.copysign(1.0, right)
        return left / right
    if right == 0 or math.isinf(left):
        return math.nan
    return left % right if math.isfinite(right) else left if left == 0 or (left > 0) == (right > 0) else right


@given(trees())
def test_values_are_those_of_a_loop(made: tuple[Tree, tuple[int, ...]]) -> None:
    """Every kind of node, at every step, entry by entry; a constant that is not finite is refused."""
    tree, shape = made
    try:
        node = read(typed(tree))
    except ValueError as error:
        assert re.search("every number must be finite|has .* signs", str(error)), error
        return
    with np.errstate(all="ignore"):
        wanted = np.array([at_step(tree, step) for step in range(STEPS)])
    found = evaluate(node, VALUES.__getitem__)
    assert found.shape[1:] == shape and len(found) in (1, STEPS)
    found = np.broadcast_to(found, (STEPS, *shape)).reshape(STEPS, -1)
    known = np.isfinite(wanted) & np.isfinite(found)
    jumps = re.search("floor|ceil|%", typed(tree))  # a rounding error may move these by one
    assert jumps or np.array_equal(np.isnan(found), np.isnan(wanted))
    scale = np.abs(wanted[known]).max(initial=0.0)
    assert jumps or np.allclose(found[known], wanted[known], rtol=1e-9, atol=1e-9 * min(scale, 1.0))


@given(trees())
def test_text_and_tree_correspond(made: tuple[Tree, tuple[int, ...]]) -> None:
    """What is written reads back as the same tree, and its formula can be drawn."""
    try:
        node = read(typed(made[0]))
    except ValueError:
        return
    assert Expression(written(node)).tree == node
    shown = formula(node)
    assert parse(shown) and to_latex(shown).startswith("$")
    ElementTree.fromstring(to_mathml(shown))


@pytest.mark.parametrize(("text", "wanted"), [
    ("2 + 3*n", 62.0), ("-n**2", -400.0), ("(-n)**2", 400.0), ("2**-1*n", 10.0), ("n % 7", 6.0), ("+n", 20.0),
    ("max(n, 25, 3)", 25.0), ("min(n, 25, 3)", 3.0), ("1e-3*n", 0.02), (".5*n", 10.0), ("n/2/5", 2.0),
    ("n - 1 - 2", 17.0), ("floor(n/3)", 6.0), ("ceil(n/3)", 7.0), ("(-n) % 7", 1.0), ("floor(-n/3)", -7.0),
    ("2**2**3*n/n", 256.0), ("n·2", 40.0), ("n²", 400.0), ("√(n − 4)", 4.0),
    ("log10(n*5)", 2.0), ("δ*n", 1.0), ("  n\n", 20.0), ("norm(gamma) - sqrt(sum(gamma**2))", 0.0),
    ("mean(outputs) - sum(outputs)/4", 0.0),
])
def test_values(text: str, wanted: float) -> None:
    """By hand."""
    assert evaluate(read(text), VALUES.__getitem__) == pytest.approx(wanted, abs=1e-12)


HOSTILE = {  # and what the message has in it
    "__import__('os').system('true')": "sign \"'\"", "open('x')": "sign", "().__class__": "attribute",
    "n.__class__": "attribute", "n.real": "attribute", "gamma[0]": r"sign '\['", "lambda: 1": "sign ':'",
    "f'{n}'": "sign", "'a'*9": "sign", '"a"': "sign", "n if n else 1": "choice", "n and n": "combination",
    "not n": "this sign", "~n + 1": "cannot be read", "n @ n": "sign '@'", "n // 2": "this operator",
    "n << 2": "this operator", "n | 1": "sign", "n & 1": "sign", "[n]": "sign", "{n}": "sign", "{1: 2}": "sign",
    "(n, n)": "several expressions", "n, n": "several expressions", "*n": "cannot be read",
    "max(*gamma)": "unpacking", "max(gamma, key=abs)": "sign|keywords", "max(a=n)": "keywords",
    "eval(n)": "no function.*there are abs", "exec(n)": "no function", "compile(n)": "no function",
    "getattr(n, n)": "no function", "print(n)": "no function", "maximum(n)": "did you mean",
    "lgo(n)": "did you mean log", "__builtins__": "no quantity", "_n": "no quantity", "a__b": "no quantity",
    "exp": "is a function; must be of something", "9**9**9": "as a power must be in", "2**65": "as a power",
    "n**99999": "as a power", "n**-65": "as a power", "1e999": "too large", "1/0": "every number must be finite",
    "log(-1)*n": "must be finite", "exp(1000)*n": "must be finite", "1j*n": "no number", "2j": "no number",
    "0x10": "no number; write", "1_000": "no number", "0b1": "no number", "2n": r"write 2\*n",
    "3gamma_max": r"write 3\*gamma_max", "True": "no number", "None": "no number", "...": "no number|cannot be read",
    "n^2": r"write \*\* for a power", "2 n": "cannot be read", "n n": "cannot be read", "max gamma": "cannot be read",
    "": "empty", "   ": "empty", "#": "sign '#'", "n # x": "sign", "n; n": "sign ';'", "n = 2": "cannot be read",
    "(n := 2)": "sign ':'", "import os": "cannot be read", "await n": "an await|cannot be read",
    "yield": "cannot be read|a yield", "(yield)": "a yield|cannot be read", "max()": "must be of one or more",
    "abs(n, n)": "must be of one", "abs()": "of 0 expressions", "gamma()": "no function", "2(3)": "is called",
    "n(1)": "no function", "(n)(n)(n)": "is called|no function", "max(n for n in gamma)": "a loop",
    "é + 1": "sign 'é'", "n\u202e": "sign", "n\x00": "sign", "\ud800": "sign", "n ≠ 2": "sign",
    "((((n": "cannot be read", "n)": "cannot be read", "n <= ": "cannot be read", "max(n <= 2)": "comparison within",
    "n in gamma": "compar", "n is n": "compar", "n not in gamma": "compar",
    "(" * 240 + "n" + ")" * 240: "cannot be read|nested", "-" * 400 + "n": "nested|cannot be read",
    "n" + "+n" * 249: "nested", "abs(" * 95 + "n" + ")" * 95: "nested|cannot be read", "n" * 501: "at most 500",
    "n.a" + ".a" * 200: "an attribute|nested", "not " * 100 + "n": "this sign|nested", "9" * 400: "too large",
    "9" * 310 + "*n": "too large", "n**" * 100 + "2": "nested|as a power|cannot be read", "1e5000*n": "too large",
}


@pytest.mark.parametrize("text", HOSTILE, ids=[f"{place}" for place in range(len(HOSTILE))])
def test_what_is_not_of_the_language_is_refused(text: str) -> None:
    """At once, with a reason that names the piece; in comparisons, too."""
    with pytest.raises(ValueError, match=HOSTILE[text]):
        read(text)
    with pytest.raises(ValueError):
        compared(f"{text} <= n")


def test_there_are_enough_hostile_strings() -> None:
    """The table is not to shrink unseen."""
    assert len(HOSTILE) >= 90 and not {"eval", "exec", "compile"} & set(FUNCTIONS)


def test_nothing_is_executed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither eval nor exec nor compile of anything but a syntax tree."""
    import builtins

    def refuse(*_given: Any) -> None:
        raise AssertionError

    modes = []
    compiled = builtins.compile

    def only_trees(source: Any, filename: Any, mode: Any, *rest: Any, **more: Any) -> Any:
        modes.append(more.get("flags", rest[0] if rest else 0))
        return compiled(source, filename, mode, *rest, **more)

    monkeypatch.setattr(builtins, "eval", refuse)
    monkeypatch.setattr(builtins, "exec", refuse)
    monkeypatch.setattr(builtins, "compile", only_trees)
    text = "max(gamma) + 1.25*n"
    found = evaluate(read.__wrapped__(text), VALUES.__getitem__)
    monkeypatch.undo()
    import ast

    assert found.shape == (STEPS,) and modes and all(flags & ast.PyCF_ONLY_AST for flags in modes)


@pytest.mark.parametrize(("text", "message"), [
    ("gamma*outputs", "puts 2 × 3 and 4 entries together"), ("max(train_loss)", "is of one number a step"),
    ("max(gamma, outputs)", "together"), ("mean(n)", "never over steps"),
])
def test_shapes_that_do_not_fit(text: str, message: str) -> None:
    """Said with the shapes."""
    with pytest.raises(ValueError, match=message):
        evaluate(read(text), VALUES.__getitem__)


def test_no_entries_are_not_known() -> None:
    """The largest of nothing is NaN."""
    assert np.isnan(evaluate(read("max(rho)"), {"rho": np.empty((2, 0))}.__getitem__)).all()


@pytest.mark.parametrize(("text", "wanted"), [
    ("gamma_max <= 2*rho_bar_max", "gamma_max ≤ 2 rho_bar_max"), ("max(γ) ≤ max(ρ̄)", "max γ ≤ max ρ̄"),
    ("abs(gamma) <= sqrt(n*d)/2**n", "|γ| ≤ √(n · d)/2^{n}"),
    ("(a + b)*c <= -(a - (b - c))", "(a + b) · c ≤ −(a − (b − c))"),
    ("a/(b*c) <= a/b*c", "a/(b · c) ≤ a/b · c"), ("n_snr2**2 <= log10(n)*T1", "(n SNR²)² ≤ log_{10}(n) · T1"),
    ("0.01*max(gamma) <= max(gamma)*n + min(rho)", "0.01 max γ ≤ max(γ) · n + min(ρ)"),
    ("a - -2 <= 1e-6*n**-2", "a − (−2) ≤ 1e-06 n⁻²"),
    ("2**3**n <= norm(rho)*floor(t)", "2^{3^{n}} ≤ ‖ρ‖ · ⌊t⌋"),
    ("(-a)**2 <= (a*b)**2 + max(a, b)", "(−a)² ≤ (a · b)² + max(a, b)"),
])
def test_formulas(text: str, wanted: str) -> None:
    """Brackets where they are needed, and only there."""
    ((left, _, right),) = compared(text)
    shown = f"{formula(left.tree)} ≤ {formula(right.tree)}"
    assert shown == wanted and parse(shown)


def test_depth_and_length_are_bounded() -> None:
    """At the bound it is read, beyond it is not."""
    fits = "+".join(["n"] * DEEPEST)
    assert read(fits) and Expression(fits).names == ("n",)
    with pytest.raises(ValueError, match=f"more than {DEEPEST} deep"):
        read(fits + "+n")
