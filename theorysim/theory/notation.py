"""An expression as people type a formula, which :mod:`theorysim.check.formulas` draws as LaTeX and MathML."""

from collections.abc import Mapping
from typing import TypeGuard

from theorysim.theory.expression import Call, Name, Negative, Node, Number, Operation

SYMBOLS: Mapping[str, str] = {
    "gamma": "γ", "rho": "ρ", "rho_bar": "ρ\u0304", "rho_under": "ρ\u0332", "eta": "η", "lr": "η", "kappa": "κ",
    "delta": "δ", "mu": "‖μ‖", "sigma": "σ", "epsilon": "ε", "alpha": "α", "beta": "β", "theta": "θ", "tau": "τ",
    "snr": "SNR", "SNR": "SNR",
}
POWERS: Mapping[str, str] = {"n_snr2": "n SNR²", "d_over_n2": "d/n²"}  # names that say a product
SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
ATOM, POWER, PRODUCT, SUM = 4, 3, 2, 1  # how tightly a piece holds together
BRACKETS: Mapping[str, tuple[str, str]] = {"abs": ("|", "|"), "norm": ("‖", "‖"), "floor": ("⌊", "⌋"),
                                           "ceil": ("⌈", "⌉")}
WORDS: Mapping[str, str] = {"log10": "log_{10}"}


def formula(node: Node) -> str:
    """The formula of a tree."""
    if _is_extreme(node):
        return f"{node.function} {_piece(node.of[0])[0]}"
    if isinstance(node, Operation) and node.sign == "*" and isinstance(node.left, Number) and _is_extreme(node.right):
        return f"{_within(node.left, PRODUCT)} {formula(node.right)}"
    return _piece(node)[0]


def _is_extreme(node: Node) -> TypeGuard[Call]:
    """Whether it is max or min of one name, which as a whole side needs no brackets."""
    return (isinstance(node, Call) and node.function in ("max", "min") and len(node.of) == 1
            and isinstance(node.of[0], Name) and node.of[0].name not in POWERS)


def _piece(node: Node) -> tuple[str, int]:
    if isinstance(node, Number):
        return f"{node.value:.12g}".replace("-", "−", 1) if node.value < 0 else f"{node.value:.12g}", (
            SUM if node.value < 0 else ATOM)
    if isinstance(node, Name):
        return (POWERS[node.name], PRODUCT) if node.name in POWERS else (SYMBOLS.get(node.name, node.name), ATOM)
    if isinstance(node, Negative):
        return f"−{_within(node.of, PRODUCT)}", SUM
    return _operation(node) if isinstance(node, Operation) else _call(node)


def _within(node: Node, least: int) -> str:
    """A piece as part of another, in brackets where it would come apart."""
    text, tightness = _piece(node)
    return text if tightness >= least else f"({text})"


def _operation(node: Operation) -> tuple[str, int]:
    if node.sign == "**":
        return f"{_within(node.left, ATOM)}{_power(node.right)}", POWER
    if node.sign in "+-":
        return f"{_within(node.left, SUM)} {'−' if node.sign == '-' else '+'} {_within(node.right, PRODUCT)}", SUM
    if node.sign == "*":
        left, right = _within(node.left, PRODUCT), _within(node.right, POWER)
        number = isinstance(node.left, Number) and not isinstance(node.right, Number)
        return f"{left}{' ' if number else ' · '}{right}", PRODUCT
    if node.sign == "/":
        return f"{_within(node.left, PRODUCT)}/{_within(node.right, POWER)}", PRODUCT
    return f"({_within(node.left, POWER)} mod {_within(node.right, POWER)})", ATOM


def _power(node: Node) -> str:
    text = _piece(node)[0]
    plain = text.replace("−", "-")
    return plain.translate(SUPERSCRIPTS) if plain.lstrip("-").isdigit() else f"^{{{text}}}"


def _call(node: Call) -> tuple[str, int]:
    inner = ", ".join(_piece(one)[0] for one in node.of)
    if node.function in BRACKETS:
        left, right = BRACKETS[node.function]
        return f"{left}{inner}{right}", ATOM
    if node.function == "sqrt":
        return f"√({inner})", ATOM
    return f"{WORDS.get(node.function, node.function)}({inner})", ATOM
