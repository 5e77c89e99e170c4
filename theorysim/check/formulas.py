"""Formulas of statements, written as people type them (σ_p² √(d log(4n²/δ))), as LaTeX and as MathML.

A formula is read once, into a list of nodes: letters, numbers, words, functions and operators, with scripts, accents
and roots around them; fractions stay on the line. What cannot be read (a bracket that is never closed, LaTeX already,
signs that are in no table here) is shown as the text that it is.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from html import escape

GREEK: Mapping[str, str] = {letter: f"\\{name}" for letter, name in [
    *zip("αβγδεζηθικλμνξπρςστυφχψωϵϑ",
         ("alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho varsigma sigma tau upsilon "
          "phi chi psi omega epsilon vartheta").split(), strict=True),
    *zip("ΓΔΘΛΞΠΣΥΦΨΩ", "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega".split(), strict=True),
    ("ℓ", "ell"),
]}
OPERATORS: Mapping[str, str] = {
    **{sign: sign for sign in "+-=<>/:;,!"}, "−": "-", "·": r"\cdot", "×": r"\times", "±": r"\pm", "*": "*",
    "≤": r"\leq", "≥": r"\geq", "≠": r"\neq", "≈": r"\approx", "~": r"\sim", "∝": r"\propto", "≪": r"\ll", "≫": r"\gg",
    "∈": r"\in", "⇒": r"\Rightarrow", "⇔": r"\Leftrightarrow", "→": r"\to", "∀": r"\forall", "∃": r"\exists",
    "∪": r"\cup", "∩": r"\cap", "⊂": r"\subset", "∞": r"\infty", "∂": r"\partial", "∇": r"\nabla", "…": r"\ldots",
    "∑": r"\sum", "∏": r"\prod", "∫": r"\int", "#": r"\#", "%": r"\%", "&": r"\&", ".": ".", "?": "?",
}
OPEN: Mapping[str, str] = {"(": "(", "[": "[", "{": r"\{", "⟨": r"\langle", "⌈": r"\lceil", "⌊": r"\lfloor"}
CLOSE: Mapping[str, str] = {")": ")", "]": "]", "}": r"\}", "⟩": r"\rangle", "⌉": r"\rceil", "⌋": r"\rfloor"}
BARS: Mapping[str, str] = {"|": "|", "‖": r"\|"}
ACCENTS: Mapping[str, tuple[str, str]] = {  # of the combining sign: in LaTeX, and the sign that MathML puts there
    "\u0304": ("bar", "¯"), "\u0305": ("bar", "¯"), "\u0332": ("underline", "_"), "\u0331": ("underline", "_"),
    "\u0303": ("tilde", "~"), "\u0302": ("hat", "^"), "\u0307": ("dot", "˙"), "\u20d7": ("vec", "→"),
}
TABLES = ((GREEK, "letter"), (OPERATORS, "operator"), (OPEN, "open"), (CLOSE, "close"), (BARS, "bar"))
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ᵀ", "0123456789−+T")
SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉₋₊", "0123456789−+")
VULGAR: Mapping[str, str] = {"½": "1/2", "⅓": "1/3", "¼": "1/4", "¾": "3/4"}
FUNCTIONS = ("log", "ln", "exp", "max", "min", "cos", "sin", "tanh", "sup", "inf", "det")  # LaTeX knows these
NAMED = ("tr", "sign", "median", "mean", "argmax", "argmin", "rank", "diag", "Var", "Cov")
WORDS = ("at", "on", "of", "to", "is", "in", "by", "up", "no", "or", "if", "as", "it", "so")  # no products

TOKEN = re.compile(r"(?P<space>\s+)|(?P<number>\d+(?:\.\d+)?(?:e[-+]?\d+)?|\.\d+)|(?P<word>[A-Za-z]+)"
                   r"|(?P<sup>[⁰¹²³⁴-⁹⁻⁺ᵀ]+)|(?P<sub>[₀-₉₊₋]+)|(?P<two><=|>=|->|=>)|(?P<sign>.)", re.DOTALL)
TWO = {"<=": "≤", ">=": "≥", "->": "→", "=>": "⇒"}


@dataclass(frozen=True)
class Node:
    """One piece of a formula.

    Attributes
    ----------
    kind : str
        "letter", "number", "word", "function", "operator", "open", "close", "bar", "space", "root".
    text : str
        As typed.
    body, sub, sup : tuple of Node
        Below a root, and the scripts.
    accent : str
        A combining sign, or none.
    """

    kind: str
    text: str
    body: "tuple[Node, ...]" = ()
    sub: "tuple[Node, ...]" = ()
    sup: "tuple[Node, ...]" = ()
    accent: str = ""


class Unreadable(ValueError):
    """A formula that is shown as text."""


@lru_cache(maxsize=1024)
def parse(formula: str) -> tuple[Node, ...]:
    """The nodes of a formula.

    Raises
    ------
    Unreadable
        For what is not of this notation.
    """
    reader = _Reader(_tokens(formula))
    nodes = reader.until("")
    if not nodes:
        raise Unreadable
    return nodes


def _tokens(formula: str) -> list[tuple[str, str]]:
    """Kind and text of each token, the last one first; letters with an accent are taken apart."""
    plain = "".join(unicodedata.normalize("NFD", one) if one.isalpha() else one for one in formula.strip())
    found = [(str(one.lastgroup), TWO.get(one.group(), one.group())) for one in TOKEN.finditer(plain)]
    return [("sign" if kind == "two" else kind, text) for kind, text in reversed(found)]


@dataclass
class _Reader:
    """Tokens that are still to be read, the next one last."""

    tokens: list[tuple[str, str]] = field(default_factory=list)

    def next_is(self, *texts: str) -> bool:
        return bool(self.tokens) and self.tokens[-1][1] in texts

    def until(self, end: str) -> tuple[Node, ...]:
        """Nodes up to a closing bracket, which is taken too; up to the end when there is none to look for."""
        nodes: list[Node] = []
        depth = 0
        while self.tokens:
            if end and not depth and self.next_is(end):
                self.tokens.pop()
                return tuple(nodes)
            found = self.item()
            depth += (found[-1].kind == "open") - (found[-1].kind == "close")
            for node in found:
                _append(nodes, node)
        if end or depth:
            raise Unreadable
        return tuple(nodes)

    def item(self) -> list[Node]:
        """A base with its accent and its scripts; of letters side by side the last one has them."""
        kind, text = self.tokens.pop()
        if kind == "space":
            return [Node("space", " ")]
        if text == "√":
            return [self.root()]
        *others, base = self.base(kind, text)
        return [*others, self.scripts(base)]

    def base(self, kind: str, text: str) -> list[Node]:
        if kind == "word":
            return self.word(text)
        if kind == "number":
            return _number(text)
        if kinds := [name for known, name in TABLES if text in known]:
            return [Node(kinds[0], text)]
        if text in VULGAR:
            return [Node("number", VULGAR[text])]
        raise Unreadable

    def word(self, text: str) -> list[Node]:
        """A function, a word, or a product of letters; a number that follows a letter is its index."""
        if text in FUNCTIONS + NAMED:
            return [Node("function", text)]
        if len(text) > 2 or text in WORDS:
            while self.next_is("_") and len(self.tokens) > 1 and len(self.tokens[-2][1]) > 1:
                text += self.tokens.pop()[1] + self.tokens.pop()[1]  # a name such as order_one
            return [Node("word", text)]
        *others, last = (Node("letter", one) for one in text)
        if self.tokens and self.tokens[-1][0] == "number" and self.tokens[-1][1].isdigit():
            last = replace(last, sub=(Node("number", self.tokens.pop()[1]),))
        return [*others, last]

    def root(self) -> Node:
        if not self.tokens:
            raise Unreadable
        if self.next_is("("):
            self.tokens.pop()
            return self.scripts(Node("root", "√", body=self.until(")")))
        body = self.item()
        if body[-1].kind == "function" and self.tokens:  # of all that the function is of
            body += self.item()
            if body[-1].kind == "space":
                body += self.item()
            elif body[-1].text == "(":
                body += [*self.until(")"), Node("close", ")")]
        return Node("root", "√", body=tuple(body))

    def scripts(self, node: Node) -> Node:
        """What is written at a base: accents, indices, powers, stars and primes."""
        while self.tokens and node.kind not in ("operator", "open") or self.next_is("_", "^"):
            kind, text = self.tokens[-1]
            if text in ACCENTS and not (node.sub or node.sup):
                node = replace(node, accent=text)
            elif kind == "sup":
                node = replace(node, sup=(*node.sup, *_plain(text.translate(SUPERSCRIPTS))))
            elif kind == "sub":
                node = replace(node, sub=(*node.sub, *_plain(text.translate(SUBSCRIPTS))))
            elif text in ("*", "'", "′") and node.kind == "letter":
                node = replace(node, sup=(*node.sup, Node("operator", "*" if text == "*" else "′")))
            elif text == "±" and node.kind == "letter" and not self._operand_follows():
                node = replace(node, sub=(*node.sub, Node("operator", text)))
            elif text in ("_", "^"):
                node = self.script(node)
                continue
            else:
                break
            self.tokens.pop()
        return node

    def _operand_follows(self) -> bool:
        return len(self.tokens) > 1 and self.tokens[-2][0] in ("number", "word")

    def script(self, node: Node) -> Node:
        below = self.tokens.pop()[1] == "_"
        if not self.tokens:
            raise Unreadable
        kind, text = self.tokens.pop()
        if text == "{":
            body = self.until("}")
        elif text == "(" and not below:
            body = self.until(")")
            if len(body) == 1 and body[0].kind == "letter":  # ε^(t): the time, not a power
                body = (Node("open", "("), *body, Node("close", ")"))
        elif text in ("*", "±"):
            body = (Node("operator", text),)
        elif kind == "word" and len(text) < 3:
            body = tuple(Node("letter", one) for one in text)
        elif kind == "word" or text in GREEK or text.isdigit():
            body = tuple(self.base(kind, text))
        else:
            raise Unreadable
        before = node.sub if below else node.sup
        both = (*before, *([Node("operator", ",")] if before else []), *body)
        return replace(node, sub=both) if below else replace(node, sup=both)


def _append(nodes: list[Node], node: Node) -> None:
    """Add a node; words after words are one text."""
    before = nodes[-2:]
    words = [one.kind for one in (*before, node)] == ["word", "space", "word"]
    if words and not (before[0].sub or before[0].sup):
        nodes[-2:] = [replace(node, text=f"{before[0].text} {node.text}")]
    else:
        nodes.append(node)


def _number(text: str) -> list[Node]:
    """A number; 1e-6 is a power of ten."""
    mantissa, _, power = text.partition("e")
    if not power:
        return [Node("number", text)]
    ten = Node("number", "10", sup=tuple(_plain(str(int(power)).replace("-", "−"))))
    return [ten] if mantissa == "1" else [Node("number", mantissa), Node("operator", "×"), ten]


def _plain(text: str) -> list[Node]:
    """Signs, digits and letters of a script."""
    return [Node("number" if one.isdigit() else "letter" if one.isalpha() else "operator", one)
            for one in re.findall(r"\d+|.", text)]


def _shown(nodes: Sequence[Node], draw: Callable[[Node], str], space: Callable[[Node, Node], str]) -> list[str]:
    """Nodes one by one; a space counts where it parts two operands."""
    pieces = []
    for place, node in enumerate(nodes):
        if node.kind != "space":
            pieces.append(draw(node))
        elif 0 < place < len(nodes) - 1:
            pieces.append(space(nodes[place - 1], nodes[place + 1]))
    return [one for one in pieces if one]


# --- LaTeX -----------------------------------------------------------------------------------------------------


def to_latex(formula: str) -> str:
    """A formula between dollars, or its text with what LaTeX would read as commands escaped."""
    try:
        return f"${_latex(parse(formula))}$"
    except (Unreadable, RecursionError):
        return escape_latex(formula)


def escape_latex(text: str) -> str:
    """Text that LaTeX shows as it is."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
               "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}
    return "".join(special.get(one, f"\\{one}" if one in "&%$#_{}" else one) for one in " ".join(text.split()))


def _latex(nodes: Sequence[Node]) -> str:
    text = ""
    for piece in _shown(nodes, _latex_node, _latex_space):
        glue = " " if re.search(r"\\[A-Za-z]+$", text) and piece[:1].isalpha() else ""
        text += glue + piece
    return re.sub(r"(^|[({\[])\s*-\s+", r"\1-", re.sub(r"\s+", " ", text).strip())


def _latex_space(before: Node, after: Node) -> str:
    """What a typed space is: none where an operator or a function has its own, thin between factors."""
    if before.text in (",", ";"):
        return r"\ "
    if "operator" in (before.kind, after.kind) and before.text != "%":
        return ""
    if "word" in (before.kind, after.kind):
        return r"\ "
    return "" if before.kind == "function" else r"\,"


def _latex_node(node: Node) -> str:
    base = _latex_base(node)
    if node.accent:
        base = f"\\{ACCENTS[node.accent][0]}{{{base}}}"
    sub = f"_{{{_latex(node.sub)}}}" if node.sub else ""
    sup = f"^{{{_latex(node.sup)}}}" if node.sup else ""
    return base + sub + sup


def _latex_base(node: Node) -> str:
    if node.kind == "root":
        return f"\\sqrt{{{_latex(node.body)}}}"
    if node.kind == "function":
        return f"\\{node.text}" if node.text in FUNCTIONS else f"\\operatorname{{{node.text}}}"
    if node.kind == "word":
        return f"\\mathrm{{{re.sub('([_ ])', chr(92) * 2 + chr(92) + '1', node.text)}}}"
    if node.text == "Σ" and node.sub:
        return r"\sum"
    if node.text == "′":
        return r"\prime"
    if node.kind == "operator" and node.text not in "/,:;!.#%&*":
        return f" {OPERATORS[node.text]} "
    for known in (GREEK, OPERATORS, OPEN, CLOSE, BARS):
        if node.text in known:
            return known[node.text]
    return node.text


# --- MathML ----------------------------------------------------------------------------------------------------


def to_mathml(formula: str) -> str:
    """A formula as a MathML element that has its text as ``alttext``; the escaped text where it cannot be read."""
    try:
        return f'<math alttext="{escape(formula)}">{mathml_of(parse(formula))}</math>'
    except (Unreadable, RecursionError):
        return escape(formula)


def mathml_of(nodes: Sequence[Node]) -> str:
    """Nodes as one element."""
    found = _shown(nodes, _mathml_node, mathml_gap)
    return found[0] if len(found) == 1 else f"<mrow>{''.join(found)}</mrow>"


def mathml_gap(before: Node, after: Node) -> str:
    """The element that a typed space is, between two nodes; "" where it is none."""
    drawn = _latex_space(before, after) or ("," if before.kind == "function" else "")
    return f'<mspace width="{".5em" if drawn[-1:] == " " else ".2em"}"/>' if drawn else ""


def _mathml_node(node: Node) -> str:
    base = _mathml_base(node)
    if node.accent:
        name, sign = ACCENTS[node.accent]
        tag = "munder" if name == "underline" else "mover"
        base = f'<{tag} accent{"under" if tag == "munder" else ""}="true">{base}<mo>{sign}</mo></{tag}>'
    scripts = [mathml_of(one) for one in (node.sub, node.sup) if one]
    kind = f"m{'sub' if node.sub else ''}{'sup' if node.sup else ''}"
    return f"<{kind}>{base}{''.join(scripts)}</{kind}>" if scripts else base


def _mathml_base(node: Node) -> str:
    if node.kind == "root":
        return f"<msqrt>{mathml_of(node.body)}</msqrt>"
    tag = {"letter": "mi", "function": "mi", "number": "mn", "word": "mtext"}.get(node.kind, "mo")
    fixed = ' stretchy="false"' if node.kind in ("open", "close", "bar") else ""
    return f"<{tag}{fixed}>{escape(node.text)}</{tag}>"
