"""What public values show: a short line that can be read, or evaluated, and a table in notebooks."""

import dataclasses
import inspect
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from all_systems import BY_LAW, CASES, FIELD, FLIPS, KERNEL, LINEAR, SIGNAL, images

import theorysim as ts
from theorysim.core.html import brief, show
from theorysim.systems import SYSTEMS
from theorysim.theory.paper import paper_named

LONGEST = 200  # characters of a line for a value that holds arrays
HOSTILE = "<script>alert(1)</script><b>&amp;\"</td>"
RNG = np.random.default_rng(3)
SOME = ts.simulate(SIGNAL.replace(n=40, d=300), FLIPS, 30, 1)
SELECTED = CASES["patch, oracle"].simulate()
REWEIGHTED = CASES["reweighting, linear"].simulate(20)


def plain() -> dict[str, Any]:
    """Values made of numbers, words and such values, by class."""
    made: list[Any] = [
        SIGNAL, FIELD, LINEAR, KERNEL, BY_LAW, ts.SignalNoiseImages(d=10), ts.Digits(),
        ts.GradientDescent(ts.Cosine(0.3, 10), ts.Flip(0.2), momentum=0.5), ts.LinearSGD(0.1, batch="full"),
        ts.OscillatingLayer(0.1, 2), ts.Reweighting(freeze_at="t2"), ts.Flip(0.1), ts.Gaussian(1.0, 0.5),
        ts.Uniform(-1.0, 2.0), ts.Constant(0.1), ts.Warmup(0.1, 5), ts.Cosine(0.1, 5), ts.Exponential(0.1, 0.9),
        ts.Steps((0.3, 0.1), (5,)), ts.Until(5, ts.Flip(0.1), None), ts.AtStep(3), ts.LossBelow(0.1),
        ts.FirstStage(0.2), ts.EarlyStopping(ts.AtStep(3)), ts.BestValidation(every=5),
        ts.SmallLossSelection(ts.LossBelow(0.4)),
        ts.OracleSelection(5, "downweight", 0.2), ts.PowerReLU(2.0), ts.SignedPower(2.0), ts.Monomial(3),
        ts.LeakyReLU(0.1), ts.HuberisedReLU(2.0, 0.1), ts.SmoothedLeakyReLU(0.1, 0.2), ts.Identity(), ts.Erf(),
        ts.Softplus(2.0), ts.Signal(1.0, name="mu"), ts.Noise(0.3), ts.Spurious(1.5, 0.8), ts.XOR(2.0), ts.Zero(),
        ts.TokenSelection(), ts.AttentionGD(0.01), ts.ConstantPatch(1.0), ts.LongTail((1.0, 2.0), (0.7, 0.3)),
        ts.Signal(1.0) + ts.Noise(0.1),
    ]
    return {type(one).__name__: one for one in made}


def shortened() -> dict[str, Any]:
    """Values with arrays, functions or much else in them, by class."""
    arrays = ts.LabelledArrays(RNG.standard_normal((60, 7)), np.where(RNG.random(60) < 0.5, -1.0, 1.0))
    linear, oscillating = CASES["linear, wide"].simulate(20), CASES["oscillation, chains"].simulate(20)
    field = CASES["mean_field, flips"].simulate(20)
    attending, claim = CASES["attention, keys"].simulate(20), ts.claim("gamma_max <= rho_bar_max")
    overflow = ts.DivergenceError(SOME.replace(message="overflows"))
    made: list[Any] = [
        images(), arrays, SOME, SOME.draw, linear, linear.draw, oscillating, field, field.draw, REWEIGHTED,
        REWEIGHTED.draw, SELECTED.selection, ts.Values(tuple(np.linspace(1, 0, 500))), paper_named("huang2025"),
        SYSTEMS[0], ts.simulate(SIGNAL, FLIPS, 10, seeds=20), overflow, ts.Status.STOPPED,
        attending, attending.draw, claim, ts.falsify(claim, runs=40), ts.falsify("n >= 1", runs=3),
    ]
    return {type(one).__name__: one for one in made}


PLAIN, SHORTENED = plain(), shortened()
CLASSES = {name for name in ts.__all__ if inspect.isclass(getattr(ts, name))}
NO_VALUES = {"Adam", "SignSGD", "Run", "PatchLaw", "FeatureLaw"}  # refused; abstract
NO_TABLES = {"DivergenceError", "Status"}


class Balanced(HTMLParser):
    """Checks that tags are closed in order, and collects the text and all attributes."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Open one."""
        self.seen.add(tag)
        self.open.append(tag)
        assert not [name for name, _ in attributes if name.startswith("on")], "no handlers"

    def handle_endtag(self, tag: str) -> None:
        """Close the last."""
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        """Text between tags."""
        self.words.append(data)


def table_of(value: Any) -> Balanced:
    """Its table, which is only a table."""
    found = Balanced(value._repr_html_())
    assert "table" in found.seen and not found.seen & {"script", "b", "img", "a", "iframe"}
    return found


def test_every_public_class_is_here() -> None:
    """A class that is added needs an instance above."""
    assert set(PLAIN) | set(SHORTENED) == CLASSES - NO_VALUES | {"Sum"} and not set(PLAIN) & set(SHORTENED)


@pytest.mark.parametrize("name", PLAIN)
def test_plain_values_can_be_evaluated(name: str) -> None:
    """The line that they print makes them again."""
    value = PLAIN[name]
    made = eval(repr(value), {name: getattr(ts, name) for name in ts.__all__})
    assert type(made) is type(value) and made == value and repr(made) == repr(value)


@pytest.mark.parametrize("name", SHORTENED)
def test_others_are_short(name: str) -> None:
    """One line of bounded length without addresses or arrays, that begins with the class or names it."""
    said = repr(SHORTENED[name])
    assert len(said) <= LONGEST and "\n" not in said and name in said
    assert not re.search(r"0x[0-9a-f]{6}|array\(|dtype|object at", said)


@pytest.mark.parametrize("value", [*PLAIN.values(), *SHORTENED.values()], ids=[*PLAIN, *SHORTENED])
def test_tables_of_all(value: Any) -> None:
    """Well-formed, with the class and every field (those of a run as its summary tells); bounded, no addresses."""
    if type(value).__name__ in NO_TABLES:
        assert not hasattr(value, "_repr_html_")
        return
    found, text = table_of(value), value._repr_html_()
    assert any(type(value).__name__ in word for word in found.words)
    assert len(text) < 20_000 and not re.search(r"0x[0-9a-f]{6}|array\(|object at", text)
    if type(value).__name__ in PLAIN and dataclasses.is_dataclass(value):
        names = {one.name for one in dataclasses.fields(value)} - {"patches"}
        assert names <= set(found.words)


def run_with(message: str) -> Any:
    """A run that ends in these words, with an observable of that name."""
    run = ts.simulate(SIGNAL, FLIPS, 10, 1)
    return run.replace(message=message, own={message: np.ones(len(run.steps_observed))})


@pytest.mark.parametrize("make", [
    lambda: ts.Signal(1.0, name=HOSTILE), lambda: ts.Signal(1.0, name=HOSTILE) + ts.Noise(1.0),
    lambda: ts.PatchModel([ts.Signal(1.0, name=HOSTILE), ts.Noise(1.0)], n=4, d=9, m=2, init_std=0.1),
    lambda: run_with(HOSTILE), lambda: ts.Runs([run_with(HOSTILE)]),
    lambda: dataclasses.replace(paper_named("huang2025"), citation=HOSTILE),
    lambda: dataclasses.replace(SYSTEMS[0], name=HOSTILE),
    lambda: dataclasses.replace(SYSTEMS[0], observables={HOSTILE: HOSTILE}),
    lambda: type(HOSTILE, (ts.Flip,), {})(0.1),
    lambda: dataclasses.replace(_fit(), measure=HOSTILE, formula=""),
    lambda: dataclasses.replace(_fit(), formula=HOSTILE),
], ids=lambda make: "")
def test_hostile_words_stay_words(make: Callable[[], Any]) -> None:
    """Whatever is in a name, it is text in the table."""
    found = table_of(make())
    assert HOSTILE[:50] in "".join(found.words)


def _fit() -> Any:
    problem = ts.SignalNoise(n=8, d=200, m=3, signal_norm=1.0, noise_std=0.5, init_std=0.01)
    return ts.scaling(problem, ts.GradientDescent(0.5), lambda run: float(run.problem.n), vary={"n": [4, 8]}, seeds=2,
                      steps=3)


def test_a_fit_in_one_line() -> None:
    """What was measured, and its exponents."""
    said = repr(_fit())
    assert said.startswith("<ScalingFit of ") and " ~ n^1 [" in said and "over 4 runs" in said and len(said) <= LONGEST


def test_what_is_said_of_a_value_inside_another() -> None:
    """Whole where it is short; else only what is not at its default, which makes it again; never at length."""
    assert brief(ts.GradientDescent(0.3)) == "GradientDescent(lr=0.3, label_noise=None)"
    assert brief(ts.LinearSGD(0.1, batch=7)) == "LinearSGD(lr=0.1, batch=7)"
    long = ts.SignalNoise(n=5, d=16, m=20, signal_norm=1.5, noise_std=0.4, init_std=0.1, readout=(0.123456789,) * 40)
    assert brief("x" * 300) == repr("x" * 300)[:199] + "…"
    assert len(brief(long)) == 200 and brief(long).endswith("…")
    assert show(0.123456) == "0.1235" and show(np.ones((2, 3))) == "array of shape (2, 3)" and show(len) == "len"
    assert show(3) == "3" and show("x" * 300) == "x" * 300 and len(table_of(long).words) > 10


def test_a_draw_is_shown_without_its_gram_matrix() -> None:
    """Which would be made for that."""
    draw = ts.Draw.from_problem(SIGNAL, 2, "vectors")
    assert vars(draw)["gram"] is None
    repr(draw), draw._repr_html_()
    assert vars(draw)["gram"] is None
