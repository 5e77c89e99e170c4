"""Formulas as MathML that may be broken into lines, which no browser does within an element."""

from collections.abc import Iterator, Sequence
from html import escape

from theorysim.check.formulas import Node, Unreadable, mathml_gap, mathml_of, parse

BREAKS = "=<>≤≥≠≈~∝≪≫∈⇒⇔→+-−"  # signs that a line may be broken before
INFIX = '<mo form="infix">'


def to_mathml_lines(formula: str) -> str:
    """A formula as MathML in several elements, a line may be broken between: before ≤, + and the like, at spaces."""
    try:
        nodes = parse(formula)
        pieces = "".join(_broken(nodes))
    except (Unreadable, RecursionError):
        return escape(formula)
    return f'<span role="math" aria-label="{escape(formula)}">{pieces}</span>'


def _broken(nodes: Sequence[Node]) -> Iterator[str]:
    """Elements, and between them a space, or a place where a line may end."""
    start = 0
    for place in range(1, len(nodes)):
        before, node = nodes[place - 1], nodes[place]
        if place == start:
            continue
        if node.kind == "space" and place < len(nodes) - 1 and (gap := mathml_gap(before, nodes[place + 1])):
            wide = ".5em" in gap
            yield _piece(nodes, start, place, "" if wide else gap) + (" " if wide else "<wbr>")
            start = place + 1
        elif node.text in BREAKS and node.kind == "operator" and before.kind == "space":
            yield _piece(nodes, start, place) + "<wbr>"
            start = place
    yield _piece(nodes, start, len(nodes))


def _piece(nodes: Sequence[Node], start: int, end: int, gap: str = "") -> str:
    """A part of a formula; a sign that begins it is still one between two sides."""
    drawn = mathml_of(nodes[start:end])
    if start and nodes[start].kind == "operator":
        drawn = drawn.replace("<mo>", INFIX, 1)
    return f"<math><mrow>{drawn}{gap}</mrow></math>"
