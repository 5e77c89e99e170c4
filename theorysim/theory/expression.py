"""Short expressions such as ``2*max(rho_bar)/n``: read into a tree of a few kinds of nodes, evaluated by walking it.

Text is read by :func:`ast.parse` and translated node by node; what is on no list here is refused, with its name. It is
never compiled or executed. A value is an array whose first axis runs over steps (one entry where it is the same at all
of them), the others over the entries that it has at a step, such as (2, m) of γ.
"""

import ast
import difflib
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Lookup = Callable[[str], Array]

MOST_SIGNS, DEEPEST, LARGEST_POWER = 500, 40, 64
WRITTEN_SIGNS = 8 * MOST_SIGNS  # of a text with all brackets, which is made here
OPERATORS: Mapping[type, tuple[str, Callable[..., Any]]] = {
    ast.Add: ("+", np.add), ast.Sub: ("-", np.subtract), ast.Mult: ("*", np.multiply),
    ast.Div: ("/", np.true_divide), ast.Mod: ("%", np.mod), ast.Pow: ("**", np.power),
}
COMPARISONS: Mapping[type, str] = {ast.LtE: "<=", ast.GtE: ">=", ast.Lt: "<", ast.Gt: ">", ast.Eq: "==",
                                   ast.NotEq: "~"}  # as which "~" is handed to Python, after "!=" was refused
ENTRYWISE: Mapping[str, Callable[..., Any]] = {
    "abs": np.abs, "exp": np.exp, "log": np.log, "log10": np.log10, "sqrt": np.sqrt, "floor": np.floor,
    "ceil": np.ceil,
}
REDUCTIONS: Mapping[str, Callable[..., Any]] = {
    "max": np.max, "min": np.min, "sum": np.sum, "mean": np.mean,
    "norm": lambda values, axis: np.sqrt(np.sum(values**2, axis=axis)),
}
OF_SEVERAL: Mapping[str, Callable[..., Any]] = {"max": np.maximum, "min": np.minimum}
FUNCTIONS = tuple(sorted({*ENTRYWISE, *REDUCTIONS}))
ALLOWED = f"numbers, names, + - * / ** %, brackets, and {', '.join(FUNCTIONS)} of these"

LETTERS: Mapping[str, str] = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "η": "eta", "θ": "theta", "κ": "kappa",
    "λ": "lambda_", "μ": "mu", "ρ\u0304": "rho_bar", "ρ\u0305": "rho_bar", "ρ\u0332": "rho_under",
    "ρ\u0331": "rho_under", "ρ": "rho", "σ": "sigma", "τ": "tau",
}
SIGNS: Mapping[str, str] = {"≤": "<=", "≥": ">=", "≍": "~", "·": "*", "×": "*", "−": "-", "²": "**2", "³": "**3",
                            "√": "sqrt", "‖μ‖": "mu", "‖µ‖": "mu", "µ": "mu"}
KINDS: Mapping[type, str] = {
    ast.Attribute: "an attribute", ast.Subscript: "an index", ast.Lambda: "a function of its own",
    ast.IfExp: "a choice", ast.BoolOp: "a combination of conditions", ast.Compare: "a comparison within an expression",
    ast.Tuple: "several expressions", ast.Starred: "an unpacking", ast.Await: "an await", ast.Yield: "a yield",
    ast.GeneratorExp: "a loop", ast.UnaryOp: "this sign", ast.BinOp: "this operator", ast.Constant: "no number",
}


@dataclass(frozen=True)
class Number:
    """A number that was typed."""

    value: float


@dataclass(frozen=True)
class Name:
    """A quantity by its name."""

    name: str


@dataclass(frozen=True)
class Negative:
    """−x."""

    of: "Node"


@dataclass(frozen=True)
class Operation:
    """Two expressions and one of + - * / % **."""

    sign: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True)
class Call:
    """One of FUNCTIONS of expressions."""

    function: str
    of: "tuple[Node, ...]"


Node = Number | Name | Negative | Operation | Call
_BY_SIGN = {sign: operation for sign, operation in OPERATORS.values()}


@dataclass(frozen=True)
class Expression:
    """An expression by its text, which two that are equal share."""

    text: str

    @cached_property
    def tree(self) -> Node:
        """Its nodes."""
        return read(self.text, WRITTEN_SIGNS)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names in it, each once, in the order typed."""
        return tuple(dict.fromkeys(_names(self.tree)))


# --- reading ---------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def read(text: str, most: int = MOST_SIGNS) -> Node:
    """The tree of an expression of at most so many signs.

    Raises
    ------
    TypeError, ValueError
        For what is not of this language; says which piece.
    """
    body = _parsed(text, most)
    if isinstance(body, ast.Compare):
        raise ValueError(f"{text!r}: is a comparison; must be an expression of {ALLOWED}")
    return _node(body, 1)


@lru_cache(maxsize=1024)
def compared(text: str) -> tuple[tuple[Expression, str, Expression], ...]:
    """The comparisons of a text, from left to right; of ``a <= b <= c`` there are two.

    Raises
    ------
    TypeError, ValueError
        For a text without one, and of :func:`read`.
    """
    body = _parsed(text, MOST_SIGNS)
    if not isinstance(body, ast.Compare):
        _node(body, 1)  # which may have more to complain of
        raise ValueError(f"{text!r}: compares nothing; write two expressions with <=, >= or ~ between them")
    for one in body.ops:
        if type(one) not in COMPARISONS:
            raise ValueError(f"{text!r}: compares by {_words(one)}; must be <=, >= or ~")
    sides = [Expression(written(_node(one, 1))) for one in (body.left, *body.comparators)]
    signs = [COMPARISONS[type(one)] for one in body.ops]
    return tuple(zip(sides[:-1], signs, sides[1:], strict=True))


def plain(text: str) -> str:
    """A text in the signs that Python knows: γ is gamma, ≤ is <=, · is *."""
    text = unicodedata.normalize("NFC", text)
    for sign, word in (*SIGNS.items(), *LETTERS.items()):  # accented letters come before the bare ones
        text = text.replace(sign, word)
    return text


def _parsed(text: Any, most: int) -> ast.expr:
    if not isinstance(text, str):
        raise TypeError(f"{text!r}: must be an expression as a string, not {type(text).__name__}")
    if len(text) > most:
        raise ValueError(f"{text[:40]!r}...: has {len(text)} signs; an expression must have at most {most}")
    given = plain(text).strip()
    if not given:
        raise ValueError(f"{text!r}: is empty; must be an expression of {ALLOWED}")
    for sign, remedy in (("^", "write ** for a power"), ("!=", "what differs is no claim; use <=, >= or ~")):
        if sign in given:
            raise ValueError(f"{text!r}: has {sign!r}; {remedy}")
    strange = re.search(r"[^A-Za-z0-9_+\-*/%().,<>=~ \t\n]", given)
    if strange:
        raise ValueError(f"{text!r}: has the sign {strange.group()!r}; must be {ALLOWED}")
    for found in re.finditer(r"(?<![\w.])\.?\d[\w.]*", given):  # before Python reads what is no number as one
        token = found.group()
        if not re.fullmatch(r"(\d+\.?\d*|\.\d+)(e\d*)?", token, re.IGNORECASE):
            product = re.fullmatch(r"(\d+)([A-Za-z_]\w*)", token)
            hint = f"; write {product[1]}*{product[2]}" if product else ""
            raise ValueError(f"{text!r}: {token!r} is no number{hint}")
    try:
        return ast.parse(re.sub(r"\s+", " ", given).replace("~", "!="), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else type(error).__name__
        raise ValueError(f"{text!r}: cannot be read ({reason}); must be {ALLOWED}, with a * in every product and "
                         "brackets around what a function is of") from None


def _node(given: ast.expr, depth: int) -> Node:
    """A node of the language, for one of Python's; a part without names is a finite number."""
    if depth > DEEPEST:
        raise ValueError(f"expression: is nested more than {DEEPEST} deep; must be less")
    found = _translated(given, depth)
    if not isinstance(found, Number) and not any(True for _ in _names(found)):
        value = float(evaluate(found, _nothing)[0])
        if not np.isfinite(value):
            raise ValueError(f"{written(found)!r}: is {value}, whatever the run; every number must be finite")
    return found


def _translated(given: ast.expr, depth: int) -> Node:
    if isinstance(given, ast.Constant) and isinstance(given.value, int | float) and not isinstance(given.value, bool):
        return _number(given.value)
    if isinstance(given, ast.Name):
        return _name(given.id)
    if isinstance(given, ast.UnaryOp) and isinstance(given.op, ast.USub):
        inner = _node(given.operand, depth + 1)
        return Number(-inner.value) if isinstance(inner, Number) else Negative(inner)
    if isinstance(given, ast.UnaryOp) and isinstance(given.op, ast.UAdd):
        return _node(given.operand, depth + 1)
    if isinstance(given, ast.BinOp) and type(given.op) in OPERATORS:
        sign = OPERATORS[type(given.op)][0]
        return _operation(sign, _node(given.left, depth + 1), _node(given.right, depth + 1))
    if isinstance(given, ast.Call):
        return _call(given, depth)
    raise ValueError(f"{_words(given)}: is {KINDS.get(type(given), 'not of this language')}; must be {ALLOWED}"
                     + (", and a number within a field is written with _, as signal_norm" if
                        isinstance(given, ast.Attribute) else ""))


def _number(value: float) -> Number:
    try:
        number = float(value)
    except OverflowError:
        number = np.inf
    if not np.isfinite(number):
        raise ValueError(f"{str(value)[:40]}: is too large; every number must be finite")
    return Number(number)


def _name(name: str) -> Name:
    if name in FUNCTIONS:
        raise ValueError(f"{name!r}: is a function; must be of something, as {name}(gamma)")
    if name.startswith("_") or "__" in name:
        raise ValueError(f"{name!r}: is the name of no quantity; must begin with a letter and have no two _ together")
    return Name(name)


def _operation(sign: str, left: Node, right: Node) -> Operation:
    if sign == "**" and not any(True for _ in _names(right)):
        power = float(evaluate(right, _nothing)[0])
        if not abs(power) <= LARGEST_POWER:
            raise ValueError(f"{written(right)!r}: as a power must be in [-{LARGEST_POWER}, {LARGEST_POWER}]")
    return Operation(sign, left, right)


def _call(given: ast.Call, depth: int) -> Call:
    if not isinstance(given.func, ast.Name):
        raise ValueError(f"{_words(given.func)}: is called; only {', '.join(FUNCTIONS)} can be")
    name = given.func.id
    if name not in FUNCTIONS:
        raise ValueError(f"{name!r}: is no function{did_you_mean(name, FUNCTIONS)}; there are {', '.join(FUNCTIONS)}")
    if given.keywords:
        raise ValueError(f"{name}({given.keywords[0].arg}=...): takes no keywords")
    count = len(given.args)
    if count == 0 or (count > 1 and name not in OF_SEVERAL):
        raise ValueError(f"{name}(): is of {count} expressions; must be of one"
                         + (" or more" if name in OF_SEVERAL else ""))
    return Call(name, tuple(_node(one, depth + 1) for one in given.args))


def _words(given: ast.AST) -> str:
    """A piece of what was typed, for a message."""
    try:
        text = ast.unparse(given) if isinstance(given, ast.expr) else type(given).__name__
    except RecursionError:
        text = type(given).__name__
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def did_you_mean(name: str, known: Collection[str]) -> str:
    """A hint at a name that is spelt almost so, or nothing."""
    near = difflib.get_close_matches(name, sorted(known), 1, 0.6)
    return f" (did you mean {near[0]}?)" if near else ""


def _names(node: Node) -> Iterator[str]:
    if isinstance(node, Name):
        yield node.name
    elif not isinstance(node, Number):
        for part in _parts(node):
            yield from _names(part)


def _parts(node: Negative | Operation | Call) -> tuple[Node, ...]:
    if isinstance(node, Operation):
        return node.left, node.right
    return node.of if isinstance(node, Call) else (node.of,)


def written(node: Node) -> str:
    """A text that reads back as the same tree."""
    if isinstance(node, Number):
        text = repr(node.value) if node.value % 1 or abs(node.value) >= 1e15 else str(int(node.value))
        return f"({text})" if text.startswith("-") else text
    if isinstance(node, Name):
        return node.name
    if isinstance(node, Negative):
        return f"(-{written(node.of)})"
    if isinstance(node, Operation):
        return f"({written(node.left)} {node.sign} {written(node.right)})"
    return f"{node.function}({', '.join(map(written, node.of))})"


# --- evaluating ------------------------------------------------------------------------------------------------


def evaluate(node: Node, value_of: Lookup) -> Array:
    """The value of a tree, (steps or 1, ...) with the entries that it has at a step; NaN where it is not defined.

    Raises
    ------
    ValueError
        When arrays of different shapes meet, or a reduction is of one number a step.
    """
    with np.errstate(all="ignore"):
        return _value(node, value_of)


def _value(node: Node, value_of: Lookup) -> Array:
    if isinstance(node, Number):
        return np.array([node.value])
    if isinstance(node, Name):
        return value_of(node.name)
    if isinstance(node, Negative):
        return -_value(node.of, value_of)
    if isinstance(node, Operation):
        left = _value(node.left, value_of)
        if node.sign == "**" and isinstance(node.right, Number):
            return left**node.right.value  # as it is typed in NumPy, to the last digit
        return _together(_BY_SIGN[node.sign], node, left, _value(node.right, value_of))
    values = [_value(one, value_of) for one in node.of]
    if node.function in ENTRYWISE:
        return ENTRYWISE[node.function](values[0])
    if len(values) == 1:
        return _reduced(node, values[0])
    found = values[0]
    for one in values[1:]:
        found = _together(OF_SEVERAL[node.function], node, found, one)
    return found


def _together(operation: Callable[..., Any], node: Node, left: Array, right: Array) -> Array:
    if left.ndim > 1 and right.ndim > 1 and left.shape[1:] != right.shape[1:]:
        shapes = " and ".join(" × ".join(map(str, one.shape[1:])) for one in (left, right))
        raise ValueError(f"{written(node)!r}: puts {shapes} entries together; reduce one of them with "
                         f"{', '.join(REDUCTIONS)}")
    return operation(aligned(left, right.ndim), aligned(right, left.ndim))


def aligned(values: Array, axes: int) -> Array:
    """One number a step, with axes of length 1 to have as many as another value."""
    return values.reshape(len(values), *[1] * (axes - 1)) if values.ndim == 1 < axes else values


def _reduced(node: Call, values: Array) -> Array:
    if values.ndim == 1:
        raise ValueError(f"{written(node)!r}: is of one number a step; {node.function} is over the entries that a "
                         "quantity has at a step, such as gamma, and never over steps")
    if not values[0].size:
        return np.full(len(values), np.nan)
    return REDUCTIONS[node.function](values, axis=tuple(range(1, values.ndim)))


def _nothing(name: str) -> Array:
    raise AssertionError(name)
