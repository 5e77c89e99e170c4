"""What a page says of a check: the report as it is shown elsewhere, what each statement claims, and the code."""

import re
from html import unescape

from markupsafe import Markup

from theorysim.check import CheckReport
from theorysim.check.formula_lines import to_mathml_lines
from theorysim.report.parts import Cell, Code, Folded, Grouped, Part, Section, Table, Text
from theorysim.theory.paper import papers

CLAIM = ("statement", "claim", "formula", "source")
FORMULA = re.compile(r'<math alttext="([^"]*)">.*?</math>', re.DOTALL)


def section_of(report: CheckReport) -> Section:
    """A check that stands by itself."""
    runs = len(report.findings)
    note = Text(f"A check does not keep its run{'s' if runs > 1 else ''}: these are to be made, or loaded, first.")
    return Section(f"{report.paper}: {runs} run{'s' if runs > 1 else ''} checked",
                   (*parts_of(report), Code(_call(report)), note))


def parts_of(report: CheckReport) -> tuple[Part, ...]:
    """Statements with their verdicts; then claims and sources, and the paper."""
    known = papers().get(report.paper)
    cited = (Text(f"Paper: {known.citation}"),) if known else ()
    return (*cited, Grouped(_in_lines(report.to_html())), Folded("What each statement says", (_claims(report),)))


def _in_lines(html: str) -> Markup:
    """The same with formulas that may be broken, as on paper none may be cut."""
    return Markup(FORMULA.sub(lambda one: to_mathml_lines(unescape(one[1])), html))


def _claims(report: CheckReport) -> Table:
    told = report.table[list(CLAIM)].astype(str).to_numpy().tolist()
    rows = tuple((Cell(name), Cell(claim), Cell(Markup(to_mathml_lines(formula))), Cell(source))
                 for name, claim, formula, source in told)
    return Table("", CLAIM, rows, (False,) * len(CLAIM))


def _call(report: CheckReport) -> str:
    """The call, with the constants that are not at their defaults."""
    usual = type(report.constants)()
    changed = {name: getattr(report.constants, name) for name in report.constants.names()
               if getattr(report.constants, name) != getattr(usual, name)}
    given = "".join(f", {name}={value!r}" for name, value in changed.items())
    return f"import theorysim as ts\nreport = ts.check(runs, {report.paper!r}{given})"
