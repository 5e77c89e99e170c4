"""The report as a page, as Markdown and as LaTeX; what comes from outside (names, formulas) is escaped in each."""

import re
from collections.abc import Sequence
from html import escape

from theorysim.check import formulas
from theorysim.check.show import HEAD, Row, grouped, ordered

# Tints below the text in the reader's own colour, so that it is read on white and on black.
TINTS = {"bad": "rgba(220,50,47,.25)", "good": "rgba(38,160,70,.22)", "unsure": "rgba(203,145,0,.25)",
         "plain": "rgba(128,128,128,.18)"}
NUMBERS = HEAD.index("holds")  # from here on cells are numbers


def markdown(title: str, summary: str, rows: Sequence[Row]) -> str:
    """Title, summary and one table."""
    cells = [[escape_markdown(cell) for cell in row.cells] for row in ordered(rows)]
    lines = ["| " + " | ".join(row) + " |" for row in [HEAD, ["---"] * len(HEAD), *cells]]
    return "\n".join([escape_markdown(title), "", f"{escape_markdown(summary)}.", "", *lines])


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is; underscores inside words are, anyway."""
    return re.sub(r"([\\|*`<&$~]|\](?=[(\[:]))", r"\\\1", " ".join(text.split()))


def html(title: str, why: str, summary: str, rows: Sequence[Row], sources: dict[str, tuple[str, str]]) -> str:
    """A page's part: title, summary, one table with a heading for each group; ``sources``: claim and source by id."""
    lines = ['<div class="theorysim-check">', f"<p><strong>{escape(title)}</strong></p>"]
    lines += [f"<p>Chosen for this: {escape(why)}.</p>"] if why else []
    lines += [f"<p>{escape(summary[:1].upper() + summary[1:])}.</p>"]
    lines += ["<table>", f"<thead>{_html_row('th', HEAD)}</thead>"]
    for group, members in grouped(rows):
        tint = f' class="theorysim-{group.tone}" style="background:{TINTS[group.tone]}"'
        heading = f'<th colspan="{len(HEAD)}" style="text-align:left">{escape(group.heading)}: {len(members)}</th>'
        lines += [f'<tbody class="theorysim-{group.key}">', f"<tr{tint}>{heading}</tr>"]
        lines += [_html_statement(row, *sources.get(row.cells[0], ("", ""))) for row in members]
        lines.append("</tbody>")
    return "\n".join([*lines, "</table>", "</div>"])


def _html_row(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}{_side(k)}>{escape(cell)}</{tag}>" for k, cell in enumerate(cells)) + "</tr>"


def _side(column: int) -> str:
    return f' style="text-align:{"right" if column >= NUMBERS else "left"}"'


def _html_statement(row: Row, claim: str, source: str) -> str:
    statement, formula, verdict, *values = row.cells
    told = escape(": ".join(one for one in (source, claim) if one))
    return "".join([
        f'<tr><td{_side(0)} title="{told}"><code>{escape(statement)}</code></td>',
        f"<td{_side(1)}>{formulas.to_mathml(formula)}</td>",
        f'<td class="theorysim-{row.group.tone}" style="text-align:left;background:{TINTS[row.group.tone]}">',
        f"{escape(verdict)}</td>", *(f"<td{_side(NUMBERS)}>{escape(one)}</td>" for one in values), "</tr>",
    ])


def latex(title: str, summary: str, rows: Sequence[Row], prefix: str) -> str:
    """A booktabs table, the names of statements without a prefix."""
    columns = "ll" + "l" + "r" * (len(HEAD) - 3)
    lines = [f"% {' '.join(title.split())}", f"% {' '.join(summary.split())}",
             r"% \usepackage{amsmath, booktabs}", f"\\begin{{tabular}}{{{columns}}}", r"\toprule",
             " & ".join(map(formulas.escape_latex, HEAD)) + r" \\"]
    for group, members in grouped(rows):
        heading = formulas.escape_latex(f"{group.heading}: {len(members)}")
        lines += [r"\midrule", f"\\multicolumn{{{len(HEAD)}}}{{l}}{{\\textit{{{heading}}}}} \\\\"]
        lines += [" & ".join(_latex_cells(row, prefix)) + r" \\" for row in members]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"])


def _latex_cells(row: Row, prefix: str) -> list[str]:
    statement, formula, verdict, *values = row.cells
    name = formulas.escape_latex(statement.removeprefix(prefix))
    return [f"\\texttt{{{name}}}", formulas.to_latex(formula), formulas.escape_latex(verdict),
            *map(latex_number, values)]


def latex_number(text: str) -> str:
    """A number as it is printed, with its power of ten."""
    if text == "–":
        return "--"
    mantissa, _, power = text.replace("−", "-").replace("∞", r"\infty").partition("e")
    return f"${mantissa}{f' {chr(92)}times 10^{{{int(power)}}}' if power else ''}$"
