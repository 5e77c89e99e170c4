"""A claim of one's own as a :class:`~theorysim.theory.statement.Statement`, from a line of text or two functions."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Protocol

import numpy as np

from theorysim.core import validate
from theorysim.systems import system_of
from theorysim.theory.comparison import worst_entry
from theorysim.theory.conditions import Condition
from theorysim.theory.expression import MOST_SIGNS, REDUCTIONS, Expression, aligned, compared, plain, read, written
from theorysim.theory.names import Look, of_state, time_of
from theorysim.theory.notation import formula as shown
from theorysim.theory.statement import Array, Evidence, Sense, Statement, Steps, no_conditions
from theorysim.theory.windows import RECORDS, ROWS, NotEvaluableError, NotSampledError, Window, end, every_step, start

SOURCE = "own claim"
BLOCK = 2**25  # bytes of recorded states that are looked at together
LONGEST_NAME = 80
SENSES = {"<=": Sense.UPPER, "≤": Sense.UPPER, ">=": Sense.LOWER, "≥": Sense.LOWER, "~": Sense.ORDER,
          "≍": Sense.ORDER, "Θ": Sense.ORDER}
CONDITIONS = {"<=": "≤", ">=": "≥", "==": "=", "<": "<", ">": ">"}
SIGNS = {Sense.UPPER: "≤", Sense.LOWER: "≥", Sense.ORDER: "= Θ"}
WORDS = {"every step": every_step, "start": start, "end": end}
SPELT = {"**": " to ", "<=": " le ", ">=": " ge ", "~": " order ", "*": " times ", "/": " over ", "+": " plus ",
         "-": " minus ", "%": " mod "}

Function = Callable[[Any, Steps], Any]
Written = str | float | Function
When = str | Callable[[Any], Any]


class Entries(Protocol):
    """Values of one side, before the worst entry of each step is picked."""

    def entries(self, look: Look) -> Array:
        """(steps or 1, entries...)."""

    @property
    def from_state(self) -> bool:
        """Whether it is made of what is known only where the state was recorded."""


@dataclass(frozen=True)
class Formula:
    """A side that is an expression."""

    expression: Expression

    def entries(self, look: Look) -> Array:
        """Its value."""
        return look.value(self.expression)

    @property
    def from_state(self) -> bool:
        """Whether some name is of a state."""
        return any(map(of_state, self.expression.names))


@dataclass(frozen=True)
class Computed:
    """A side that is a function of run and steps."""

    function: Function
    argument: str
    from_state: bool = False

    def entries(self, look: Look) -> Array:
        """What it returns."""
        steps = np.asarray(look.steps)
        found = np.asarray(self.function(look.evidence.run, steps), dtype=np.float64)
        if found.ndim > 1 or found.size not in (1, len(steps)):
            raise ValueError(f"{self.argument}: returned shape {found.shape} for {len(steps)} steps; must be one "
                             'number for each, or one for all (looks="records" has it called with recorded steps only)')
        found = found.reshape(-1)
        look.missing |= np.isnan(found)
        return found


@dataclass(frozen=True)
class Side:
    """Measured or predicted, a function of evidence and steps as statements have them.

    Of a side with several entries at a step it is the entry at which the claim fails worst, or is closest to failing.
    """

    measured: Entries
    predicted: Entries
    sense: Sense
    band: float | None
    place: int  # 0: the measured side, 1: the predicted one

    def __call__(self, evidence: Evidence, steps: Steps) -> Array:
        """One value for each step, NaN where it is not known.

        Raises
        ------
        NotSampledError
            When what it is made of is known at none of the steps.
        NotEvaluableError
            When it is known at some, and the side is defined at none.
        """
        found = np.full(len(steps), np.nan)
        missing, unreached = np.zeros(len(steps), dtype=bool), False
        for part in self._blocks(evidence, len(steps)):
            look = Look(evidence, steps[part])
            found[part] = self._picked(look)
            missing[part] = look.missing
            unreached |= look.unreached
        if len(steps) and np.isnan(found).all() and not unreached:
            if missing.all():
                raise NotSampledError("run: what the claim is made of was kept at none of its steps", steps)
            raise NotEvaluableError(f"claim: {('measured', 'predicted')[self.place]} is not defined at any step")
        return found

    def _blocks(self, evidence: Evidence, count: int) -> list[slice]:
        """All steps at once; of states only so many."""
        size = count
        if self.measured.from_state or self.predicted.from_state:
            size = max(1, BLOCK // max(1, system_of(evidence.run).record_bytes(evidence.run.problem)))
        return [slice(first, first + size) for first in range(0, count, max(1, size))]

    def _picked(self, look: Look) -> Array:
        mine = (self.measured, self.predicted)[self.place].entries(look)
        if mine.ndim == 1:
            return mine
        other = (self.measured, self.predicted)[1 - self.place].entries(look)
        if other.ndim > 1 and other.shape[1:] != mine.shape[1:]:
            raise ValueError(f"claim: compares {mine.shape[1:]} entries with {other.shape[1:]}; reduce one of them "
                             f"with {', '.join(REDUCTIONS)}")
        axes = mine.ndim
        both = np.broadcast_arrays(mine, aligned(other, axes))
        rows = [np.broadcast_to(one, (len(np.asarray(look.steps)), *both[0].shape[1:])) for one in both]
        flat = [one.reshape(len(one), -1) for one in rows]
        if not flat[0].shape[1]:
            return np.full(len(flat[0]), np.nan)
        band = look.evidence.constants.band if self.band is None else self.band
        worst = worst_entry(self.sense, flat[self.place], flat[1 - self.place], band)
        picked: Array = flat[0][np.arange(len(worst)), worst]
        return picked


@dataclass(frozen=True)
class Moment:
    """A window about a step, or a stage time by its name: at it, since it, or until it."""

    word: str
    when: int | str

    def __call__(self, evidence: Evidence) -> Steps:
        """The steps, as far as the run lasts; the first whole one after a time."""
        when = float(self.when) if isinstance(self.when, int) else time_of(evidence, self.when)
        last = evidence.run.steps
        if self.word == "until":
            return np.arange(int(min(last, when)) + 1 if when <= last else last + 1)
        first = int(np.ceil(when)) if when <= last else last + 1
        return np.arange(first, min(first, last) + 1 if self.word == "at" else last + 1)

    @property
    def words(self) -> str:
        """As it was typed."""
        return f"{self.word} {'step ' if isinstance(self.when, int) else ''}{self.when}"


@dataclass(frozen=True)
class Conditions:
    """What a claim assumes, as margins."""

    written: tuple[When, ...]

    def __call__(self, evidence: Evidence) -> Sequence[Condition]:
        """In the order given."""
        return tuple(one for given in self.written for one in (
            _inequalities(given, evidence) if isinstance(given, str) else _returned(given, evidence)))


def claim(
    text: str, *, measured: Written | None = None, predicted: Written | None = None, sense: str | None = None,
    when: When | Iterable[When] | None = None, at: str | int = "every step", name: str | None = None,
    formula: str | None = None, band: float | None = None, over_draws: bool = False, looks: str = ROWS,
) -> Statement:
    """A claim of your own, to be checked, searched for counterexamples and swept as those of papers are.

    ``claim("gamma_max <= 2*rho_bar_max")`` or ``claim("max γ ≤ max ρ̄", measured=..., predicted=..., sense="≤")``. The
    names of expressions are columns of the run, entries of its state where it was recorded (``gamma``, ``rho``,
    ``rho_bar``, ``outputs``, ...), numbers of the setting, stage times, ``t`` (the step) and the constants ``delta``,
    ``C`` and ``band``; a quantity with several entries at a step stands for all of them. The page "Claims of your own"
    has the grammar.

    Parameters
    ----------
    text : str
        The claim: an expression, one of <=, >= and ~ (also ≤, ≥, ≍), an expression; or, with ``measured`` and
        ``predicted``, any words.
    measured, predicted : str, number, or function of (run, steps), optional
        Both sides: expressions, or functions that return one number for each of some steps, NaN where not known.
    sense : {"≤", "≥", "Θ"}, optional
        What is claimed of them, also as "<=", ">=", "~"; by default the sign in the text. Θ: within the constant
        ``band`` of each other, either way.
    when : str or function of the run, or sequence of these, optional
        What the claim assumes: comparisons of numbers of the setting, stage times and constants, such as "snr < 1"; or
        functions that return a :class:`~theorysim.theory.conditions.Condition`, several, or True or False. Where one
        does not hold the verdict is "outside regime".
    at : str or int
        "every step", "start", "end"; a step; a stage time ("T1"), at the first whole step after it; or "since" or
        "until" either ("since T1", "until 100").
    name : str, optional
        Its id, by default "claim." and the text in letters.
    formula : str, optional
        For reports, by default made from the expressions.
    band : float, optional
        Of this claim alone, in place of the constant.
    over_draws : bool
        It is made with probability at least 1 − δ over the draw, and counted over seeds.
    looks : {"rows", "records"}
        Of functions: called with the steps that the claim is about, or only those of them whose state was recorded.

    Returns
    -------
    Statement

    Raises
    ------
    TypeError, ValueError
        For what is not of the grammar, naming the piece. Names are looked up in the run when it is checked.
    """
    validate.instance("text", text, (str,))
    if len(text) > MOST_SIGNS:
        raise ValueError(f"text={text[:40]!r}...: has {len(text)} signs; must have at most {MOST_SIGNS}")
    validate.flag("over_draws", over_draws)
    validate.choice("looks", looks, (ROWS, RECORDS))
    band = None if band is None else validate.real("band", band, 1)
    sides, kind = _sides(text, measured, predicted, sense, looks == RECORDS)
    window = _window(at)
    if formula is None:
        formula = _formula(text, sides, kind) + _moment_in_words(window)
    else:
        validate.instance("formula", formula, (str,))
    both = [Side(*sides, kind, band, place) for place in (0, 1)]
    return Statement(
        id=_id(text) if name is None else _checked_id(name), claim=text, formula=formula, source=SOURCE, sense=kind,
        measured=both[0], predicted=both[1], window=window, conditions=_conditions(when), band=band,
        over_draws=bool(over_draws), looks=RECORDS if any(one.from_state for one in sides) else ROWS)


# --- what is claimed -------------------------------------------------------------------------------------------


def _sides(
    text: str, measured: Written | None, predicted: Written | None, sense: str | None, records: bool
) -> tuple[tuple[Entries, Entries], Sense]:
    if sense is not None:
        validate.choice("sense", sense, tuple(SENSES))
    if (measured is None) != (predicted is None):
        lacking = "measured" if measured is None else "predicted"
        raise ValueError(f"{lacking}=None: must be given with the other side; give both, or none and an expression")
    if measured is None or predicted is None:
        left, sign, right = _only(text)
        if sense is not None and SENSES[sense] != SENSES[sign]:
            raise ValueError(f"sense={sense!r}: must be that of the text, {sign!r}")
        sides: tuple[Entries, Entries] = (Formula(left), Formula(right))
        kind = SENSES[sign]
    else:
        kind = _sense(text, sense)
        sides = (_side("measured", measured, records), _side("predicted", predicted, records))
    if all(isinstance(one, Formula) and not one.expression.names for one in sides):
        raise ValueError(f"{text!r}: speaks of no quantity of a run; must have a name in it, such as gamma_max")
    return sides, kind


def _only(text: str) -> tuple[Expression, str, Expression]:
    """The one comparison of a text."""
    found = compared(text)
    if len(found) > 1:
        raise ValueError(f"{text!r}: makes {len(found)} comparisons; make as many claims, one each")
    if found[0][1] not in SENSES:
        raise ValueError(f"{text!r}: compares by {found[0][1]!r}, which numbers that are rounded cannot tell; must be "
                         "<=, >= or ~")
    return found[0]


def _sense(text: str, sense: str | None) -> Sense:
    signs = {kind for sign, kind in SENSES.items() if sign in plain(text)}
    if sense is None:
        if len(signs) != 1:
            raise ValueError(f"sense=None: must be one of {', '.join(map(repr, SENSES))}, as the text has "
                             f"{'several signs' if signs else 'none of these'}")
        return signs.pop()
    if signs and SENSES[sense] not in signs:
        raise ValueError(f"sense={sense!r}: must be that of the text, {text!r}")
    return SENSES[sense]


def _side(argument: str, given: Written, records: bool) -> Entries:
    if isinstance(given, str):
        return Formula(Expression(written(read(given))))
    if callable(given):
        return Computed(given, argument, records)
    return Formula(Expression(written(read(repr(validate.real(argument, given))))))


# --- where -----------------------------------------------------------------------------------------------------


def _window(at: Any) -> Window:
    if isinstance(at, Integral) and not isinstance(at, bool):
        return Moment("at", validate.integer("at", at, 0))
    if not isinstance(at, str):
        raise TypeError(f"at={at!r}: must be a string or a step, not {type(at).__name__}")
    if at in WORDS:
        return WORDS[at]
    found = re.fullmatch(r"(?:(at|since|until) )?([A-Za-z]\w*|\d{1,16})", str(at))
    if found is None:
        raise ValueError(f"at={at!r}: must be {', '.join(map(repr, WORDS))}, a step, a stage time such as 'T1', or one "
                         "of these after 'since' or 'until'")
    return Moment(found[1] or "at", int(found[2]) if found[2].isdigit() else found[2])


def _moment_in_words(window: Window) -> str:
    if window in (start, end):
        return " at the start" if window is start else " at the end"
    return f" {window.words}" if isinstance(window, Moment) else ""


# --- when ------------------------------------------------------------------------------------------------------


def _conditions(when: Any) -> Callable[[Any], Sequence[Condition]]:
    if when is None:
        return no_conditions
    if not isinstance(when, str | Iterable) and not callable(when):
        raise TypeError(f"when={when!r}: must be a comparison, a function of the run, or a sequence of these")
    given = (when,) if isinstance(when, str) or callable(when) else tuple(when)
    for one in given:
        if isinstance(one, str):
            if any(sign == "~" for _, sign, _ in compared(one)):
                raise ValueError(f"when={one!r}: must compare by <=, >=, <, > or ==")
        elif not callable(one):
            raise TypeError(f"when={one!r}: must be a comparison or a function of the run, not {type(one).__name__}")
    return Conditions(given) if given else no_conditions


def _inequalities(text: str, evidence: Evidence) -> Iterable[Condition]:
    """One for each comparison, two for an equality; a strict one is of the next number that a float can be."""
    for left, sign, right in compared(text):
        look = Look(evidence, None)
        value, bound = (float(look.value(one)[0]) for one in (left, right))
        line = f"{shown(left.tree)} {CONDITIONS[sign]} {shown(right.tree)}"
        if sign in ("<", "<=", "=="):
            yield Condition(line, value, "<=", float(np.nextafter(bound, -np.inf)) if sign == "<" else bound, SOURCE)
        if sign in (">", ">=", "=="):
            yield Condition(line, value, ">=", float(np.nextafter(bound, np.inf)) if sign == ">" else bound, SOURCE)


def _returned(function: Callable[[Any], Any], evidence: Evidence) -> Iterable[Condition]:
    found = function(evidence.run)
    if isinstance(found, Condition):
        return (found,)
    name = getattr(function, "__name__", type(function).__name__)
    if isinstance(found, bool | np.bool_):
        return (Condition(f"{name}(run)", float(found), ">=", 1.0, SOURCE),)
    if isinstance(found, Iterable):
        conditions = tuple(found)
        if all(isinstance(one, Condition) for one in conditions):
            return conditions
    raise TypeError(f"when: {name} returned {found!r}; must be True, False, a Condition or several")


# --- how it is called ------------------------------------------------------------------------------------------


def _formula(text: str, sides: Sequence[Entries], sense: Sense) -> str:
    """Of the expressions; the text, where a side is a function."""
    trees = [one.expression.tree for one in sides if isinstance(one, Formula)]
    if len(trees) < len(sides):
        return text
    left, right = map(shown, trees)
    return f"{left} {SIGNS[sense]}({right})" if sense == Sense.ORDER else f"{left} {SIGNS[sense]} {right}"


def _id(text: str) -> str:
    words = plain(text)
    for sign, word in SPELT.items():
        words = words.replace(sign, word)
    found = re.sub(r"[^A-Za-z0-9]+", "_", words.replace("_ ", " ")).strip("_")[:LONGEST_NAME].strip("_")
    if not found:
        raise ValueError(f"{text!r}: has no letter to be called by; give name=")
    return f"claim.{found}"


def _checked_id(name: str) -> str:
    validate.instance("name", name, (str,))
    if not re.fullmatch(r"[A-Za-z][\w.-]*", name):
        raise ValueError(f"name={name!r}: must begin with a letter, and have letters, digits and . _ - only")
    return name
