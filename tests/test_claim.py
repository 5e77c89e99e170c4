"""Claims of one's own: equal to statements by hand on every system; where, when, what is not sampled; sweeps."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from all_systems import CASES, Case

import theorysim as ts
from theorysim.check import Verdict, evaluate
from theorysim.check.formulas import to_latex, to_mathml
from theorysim.sweep.measures import fingerprint
from theorysim.systems import SYSTEMS, system_of_run
from theorysim.theory.conditions import Condition
from theorysim.theory.names import numbers_of
from theorysim.theory.paper import papers
from theorysim.theory.statement import Constants, Evidence, Sense, Statement
from theorysim.theory.windows import end, every_step, number, observed, recorded, start

PROBLEM = ts.SignalNoise(n=12, d=400, m=3, signal_norm=2.0, noise_std=0.5, init_std=0.01, q=2, label_flip=0.2)
GD = ts.GradientDescent(lr=0.05)
NUMBERS = ("measured", "predicted", "ratio", "first_violation", "asked", "compared", "verdict", "comparison")


@pytest.fixture(scope="module")
def run() -> ts.PatchRun:
    """T1 is no record of it."""
    made = ts.simulate(PROBLEM, GD, 120, 0, record_every=3)
    assert made.stage_times().T1 == 26
    return made


def by_hand(sense: Sense, measured: Any, predicted: Any, window: Any = every_step) -> Statement:
    """A statement without words."""
    return Statement("by_hand", "", "", "", sense, measured, predicted, window)


def assert_same(claim: Statement, statement: Statement, run: Any, constants: Constants | None = None) -> None:
    """All numbers of both findings, bit for bit."""
    evidence = Evidence(run, constants or Constants())
    one, other = evaluate(claim, evidence), evaluate(statement, evidence)
    for name in NUMBERS:
        found, wanted = getattr(one, name), getattr(other, name)
        assert found == wanted or (np.isnan(found) and np.isnan(wanted)), (name, found, wanted)
    assert one.compared > 0


def of_records(function: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """A side by hand, from arrays with one entry a record."""
    return lambda evidence, steps: function(evidence.run)[evidence.records(steps)]


def most(values: Any) -> Any:
    """The largest entry of each record."""
    return values.reshape(len(values), -1).max(axis=1)


# --- equal to statements by hand -------------------------------------------------------------------------------

BY_HAND: dict[str, tuple[str, Callable[[], Statement]]] = {
    "patch, flips": ("gamma_max <= 2*rho_bar_max", lambda: by_hand(
        Sense.UPPER, observed("gamma_max"), lambda e, s: 2 * e.column("rho_bar_max", s))),
    "patch, weights": ("max(abs(gamma)) <= max(rho)/sqrt(n)", lambda: by_hand(
        Sense.UPPER, of_records(lambda run: most(abs(run.gamma))),
        of_records(lambda run: most(run.rho) / np.sqrt(run.problem.n)), recorded(every_step))),
    "patch, images": ("max(z_noise) >= gamma_max", lambda: by_hand(
        Sense.LOWER, of_records(lambda run: most(run.noise_products())), observed("gamma_max"), recorded(every_step))),
    "patch, by law": ("mean(z_signal) <= norm(rho)", lambda: by_hand(
        Sense.UPPER, of_records(lambda run: run.signal_products().reshape(len(run.steps_recorded), -1).mean(axis=1)),
        of_records(lambda run: np.sqrt((run.rho.reshape(len(run.rho), -1)**2).sum(axis=1))), recorded(every_step))),
    "mean_field, flips": ("max(gamma) <= snr*exp(t*lr)", lambda: by_hand(
        Sense.UPPER, of_records(lambda run: most(run.gamma)),
        lambda e, s: e.run.problem.snr * np.exp(s * e.run.algorithm.lr), recorded(every_step))),
    "linear, width-free": ("parameter_error ~ sqrt(2*test_loss)", lambda: by_hand(
        Sense.ORDER, observed("parameter_error"), lambda e, s: np.sqrt(2 * e.column("test_loss", s)))),
    "linear, explicit": ("min(abs(cosines)) >= cosine_mean - C", lambda: by_hand(
        Sense.LOWER, of_records(lambda run: abs(run.cosines).min(axis=1)),
        lambda e, s: e.column("cosine_mean", s) - e.constants.C, recorded(every_step))),
    "oscillation, chains": ("max(norms) <= 3*mean_norm_sq", lambda: by_hand(
        Sense.UPPER, of_records(lambda run: most(run.norms)), lambda e, s: 3 * e.column("mean_norm_sq", s),
        recorded(every_step))),
    "reweighting, linear": ("max(abs(outputs)) <= output_max", lambda: by_hand(
        Sense.UPPER, of_records(lambda run: most(abs(run.outputs))), observed("output_max"), recorded(every_step))),
    "reweighting, network": ("mean(weights) >= 1 - delta", lambda: by_hand(
        Sense.LOWER, of_records(lambda run: run.weights.mean(axis=1)),
        number(lambda e: 1 - e.constants.delta), recorded(every_step))),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_claims_equal_statements_by_hand(name: str) -> None:
    """Every system, columns and entries, all three senses; and the steps that were compared."""
    text, statement = BY_HAND[name]
    made = CASES[name].simulate()
    claim = ts.claim(text)
    assert_same(claim, statement(), made)
    assert claim.looks == statement().looks


@pytest.mark.parametrize(("band", "verdict"), [(2.0, "violated"), (20.0, "holds")])
def test_order_is_within_the_band(run: ts.PatchRun, band: float, verdict: str) -> None:
    """The constant's, or the claim's own; "~", "≍" and Θ are one."""
    value = float(run.column("rho_bar_max")[-1]) * 10
    for claim in (ts.claim(f"rho_bar_max ~ {value!r}", at="end"), ts.claim(f"rho_bar_max ≍ {value!r}", at="end"),
                  ts.claim("order", measured="rho_bar_max", predicted=value, sense="Θ", at="end")):
        found = evaluate(claim, Evidence(run, Constants(band=band)))
        assert (found.verdict, found.ratio) == (verdict, pytest.approx(0.1, rel=1e-12))
        own = ts.claim(claim.claim, measured="rho_bar_max", predicted=value, sense="Θ", at="end", band=band)
        assert evaluate(own, Evidence(run)).verdict == verdict


def test_functions_are_sides_too(run: ts.PatchRun) -> None:
    """Called with the steps asked for, or the recorded ones of them."""
    wanted = by_hand(Sense.UPPER, observed("gamma_max"), lambda e, s: 2 * e.column("rho_bar_max", s))
    both = ts.claim("max γ ≤ 2 max ρ̄", measured=lambda run, steps: run.column("gamma_max")[steps],
                    predicted="2*rho_bar_max")
    assert_same(both, wanted, run)
    of_state = ts.claim("max γ ≤ 2 max ρ̄", measured=lambda run, steps: run.gamma.max(axis=(1, 2)),
                        predicted=lambda run, steps: 1e9, looks="records")
    found = evaluate(of_state, Evidence(run))
    assert (found.asked, found.compared, found.verdict) == (121, 41, "holds")
    with pytest.raises(ValueError, match=r"measured: returned shape \(41,\) for 121 steps.*looks=\"records\""):
        evaluate(replace(of_state, looks="rows"), Evidence(run))


def test_entries_stand_for_all_of_them(run: ts.PatchRun) -> None:
    """The worst entry of each step, whichever side has them; as a loop over entries finds it."""
    fails, worst = np.nan, -np.inf
    for place, step in enumerate(run.steps_recorded):
        for bound, value in zip(run.signal_products()[place].ravel(), run.gamma[place].ravel(), strict=True):
            excess = (value - 9 * bound) / max(abs(value), abs(9 * bound), 1e-300)
            if excess > 1e-9 and np.isnan(fails):
                fails = step
            if excess > worst:
                worst, sides = excess, (value, 9 * bound)
    found = evaluate(ts.claim("gamma <= 9*z_signal"), Evidence(run))
    assert (found.measured, found.predicted) == sides and found.first_violation == fails
    for text in ("gamma <= 3", "3 >= gamma", "gamma <= gamma_max", "rho >= rho_under_min", "rho_bar_max >= rho_bar"):
        assert evaluate(ts.claim(text), Evidence(run)).verdict == "holds"
    assert evaluate(ts.claim("rho_bar <= 0.999*rho_bar_max", at="end"), Evidence(run)).verdict == "violated"


def test_entries_agree_with_columns() -> None:
    """ρ̄ and ρ̲ of every setting of the patch network and its mean field; norms and second layers of linear ones."""
    pairs = {"patch": (("max(rho_bar)", "rho_bar_max"), ("min(rho_under)", "rho_under_min"),
                       ("max(gamma)", "gamma_max"), ("min(margins)", "output_min")),
             "linear": (("max(norms)", "largest_norm"), ("max(abs(seconds))", "largest_second"),
                        ("norm(error)", "parameter_error"), ("mean(abs(cosines))", "cosine_mean"))}
    pairs["mean_field"] = pairs["patch"][:2]
    looked = 0
    for case in CASES.values():
        if case.system not in pairs or case.keywords.get("precision") == "single" or case.keywords.get("policy"):
            continue
        made = case.simulate()
        for entries, column in pairs[case.system]:
            found = evaluate(ts.claim(f"abs({entries} - {column}) <= 1e-9*(1 + abs({column}))"), Evidence(made))
            assert found.verdict == "holds" and found.compared == len(made.steps_recorded), (entries, repr(made))
            looked += 1
    assert looked > 40


@pytest.mark.parametrize("case", [CASES[name] for name in BY_HAND], ids=list(BY_HAND))
def test_every_quantity_can_be_claimed(case: Case) -> None:
    """All that a system has of its states, at every record; no name is of two things, and numbers are read."""
    made = case.simulate()
    system = system_of_run(made)
    for name in system.quantities:
        claim = ts.claim(f"norm({name}) <= 1e300")
        found = evaluate(claim, Evidence(made))
        if "flip_margins" != name:  # which need not be defined
            assert found.verdict == "holds" and found.compared == len(made.steps_recorded), name
        assert claim.looks == "records"
    names = [*made.table, *system.quantities, *numbers_of(made), *made.stage_times().to_dict(), "t", *Constants.names()]
    assert len(set(names)) == len(names)
    for name, value in numbers_of(made).items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            assert evaluate(ts.claim(f"{name}*1 <= {name}", at="end"), Evidence(made)).measured == value
        else:
            with pytest.raises(ValueError, match=f"{name} is .* in this run; must be a number"):
                evaluate(ts.claim(f"{name} <= 1"), Evidence(made))


def test_no_column_of_a_system_is_a_state_of_another() -> None:
    """So that a claim knows where it looks before it knows the run."""
    columns = {name for one in SYSTEMS for name in one.observables}
    assert not columns & {name for one in SYSTEMS for name in one.quantities}


# --- where -----------------------------------------------------------------------------------------------------


def test_where_a_claim_speaks(run: ts.PatchRun) -> None:
    """Every way to say it, with the steps asked for."""
    first, last = int(run.stage_times().T1), run.steps
    for at, steps in {"every step": range(last + 1), "start": [0], "end": [last], 7: [7], "7": [7], "T1": [first],
                      "at T1": [first], "since T1": range(first, last + 1), "until T1": range(first + 1),
                      "since 100": range(100, last + 1), "until 3": range(4), last + 1: [], "since 500": [],
                      "until 500": range(last + 1), np.int64(7): [7]}.items():
        claim = ts.claim("gamma_max <= 1e9", at=at)
        assert claim.window(Evidence(run)).tolist() == list(steps), at
        found = evaluate(claim, Evidence(run))
        assert found.verdict == ("holds" if steps else "not reached") and found.compared == len(steps)
    assert ts.claim("gamma_max <= 1", at="start").window is start and ts.claim("gamma_max <= 1", at="end").window is end


def test_what_a_run_does_not_come_to(run: ts.PatchRun) -> None:
    """A time that has not come, where it speaks and what it is made of."""
    early = ts.simulate(PROBLEM, GD, 2, 1)
    assert np.isnan(early.stage_times().T1)
    for claim in (ts.claim("gamma_max <= 1", at="T1"), ts.claim("gamma_max <= 1", at="since T1"),
                  ts.claim("gamma_max <= T1"), ts.claim("gamma <= T1")):
        assert evaluate(claim, Evidence(early)).verdict == "not reached"
        assert evaluate(claim, Evidence(run)).verdict in ("holds", "violated", "not sampled")
    assert evaluate(ts.claim("gamma_max <= 1", at="until T1"), Evidence(early)).compared == 3


def test_what_was_not_recorded_is_not_sampled(run: ts.PatchRun) -> None:
    """States between the records, own observables where they did not look, and times that rows would tell."""
    odd = int(run.stage_times().T1)
    for claim in (ts.claim("max(gamma) <= 9", at="T1"), ts.claim("gamma <= gamma_max", at=odd),
                  ts.claim("gamma_max <= max(rho)", at=odd)):
        found = evaluate(claim, Evidence(run))
        assert (found.verdict, found.asked, found.compared) == ("not sampled", 1, 0)
        assert evaluate(claim, Evidence(ts.again(run, record_at=[odd]))).verdict == "holds"
    own = ts.simulate(PROBLEM, GD, 20, 1, observe={"size": lambda view: float(abs(view.rho).sum())}, observe_every=5)
    assert evaluate(ts.claim("size <= 1e9"), Evidence(own)).compared == 5
    assert evaluate(ts.claim("size <= 1e9", at=7), Evidence(own)).verdict == "not sampled"
    thin = ts.simulate(PROBLEM, GD, 120, 0, observables_every=4)
    assert evaluate(ts.claim("gamma_max <= 9", at="T1"), Evidence(thin)).verdict == "not sampled"
    assert evaluate(ts.claim("gamma_max <= T1"), Evidence(thin)).verdict == "not sampled"
    blind = ts.simulate(PROBLEM, GD, 120, 0, observe="outputs", record_at=())
    for claim in (ts.claim("gamma_max <= 9", at=7), ts.claim("train_loss <= 9", at="T1"), ts.claim("n <= T1")):
        assert evaluate(claim, Evidence(blind)).verdict == "not sampled"
        assert ts.check(blind, claim).table["verdict"][0] == "not sampled"
        assert ts.check(blind, claim, replay=True).table["verdict"][0] == "holds"
    assert evaluate(ts.claim("train_loss <= 9", at="T2"), Evidence(blind)).verdict == "holds"


def test_what_is_not_defined(run: ts.PatchRun) -> None:
    """Left out where it is not, and not evaluable where it never is."""
    assert evaluate(ts.claim("log(-1 - rho_bar_max**2) <= 9"), Evidence(run)).verdict == "not evaluable"
    assert evaluate(ts.claim("log(gamma - gamma_max - 1) <= 9"), Evidence(run)).verdict == "not evaluable"
    found = evaluate(ts.claim("log(t - 9)/log(t - 9) <= 9"), Evidence(run))
    assert (found.verdict, found.asked, found.compared) == ("holds", 121, 110)  # not at t <= 9, and 0/0 at t = 10


def test_an_entry_that_is_not_known() -> None:
    """Hides the step, unless another entry fails there already."""
    made = CASES["reweighting, linear"].simulate()
    margins = np.array(made.weights)
    margins[:, 0] = np.nan
    changed = made.replace(weights=margins)
    assert evaluate(ts.claim("weights <= 2"), Evidence(changed)).verdict == "not sampled"
    assert evaluate(ts.claim("weights <= -1"), Evidence(changed)).verdict == "violated"


# --- when ------------------------------------------------------------------------------------------------------


def above(run: Any) -> bool:
    """A condition as a function."""
    return bool(run.problem.n > 5)


@pytest.mark.parametrize(("when", "margins"), [
    ("snr < 1", [5.0]), ("snr >= 1", [0.2]), ("n*snr**2 <= 1", [1 / 0.48]), ("d >= n**2", [400 / 144]),
    ("q == 2", [1.0, 1.0]), ("1 <= q <= 3", [2.0, 1.5]), (["n > 5", above], [12 / 5, 1.0]), (above, [1.0]),
    (lambda run: Condition("mine", 3.0, ">=", 2.0, "me"), [1.5]), ((), []),
    (lambda run: [Condition("mine", 3.0, ">=", 2.0, "me")] * 2, [1.5, 1.5]), ("T1 <= 119", [119 / 26]),
    ("η < 1", [20.0]),
])
def test_conditions_have_margins(when: Any, margins: list[float]) -> None:
    """And decide whether a run is inside the regime."""
    made = ts.simulate(PROBLEM, GD, 30, 0)
    assert made.stage_times().T1 == 26
    found = evaluate(ts.claim("gamma_max <= 1e9", when=when), Evidence(made))
    assert [one.margin for one in found.conditions] == pytest.approx(margins, rel=1e-12)
    assert found.verdict == ("holds" if all(one >= 1 for one in margins) else "outside regime")


def test_strict_conditions_are_strict() -> None:
    """At equality the one holds and the other does not."""
    made = ts.simulate(PROBLEM, GD, 2, 1)
    for when, holds in {"n <= 12": True, "n < 12": False, "n >= 12": True, "n > 12": False, "n == 12": True,
                        "n == 13": False, "T1 <= 100": False}.items():
        found = evaluate(ts.claim("gamma_max <= 1e9", when=when), Evidence(made))
        assert found.verdict == ("holds" if holds else "outside regime"), when


# --- what is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "message"), [
    ({"text": "gamma_max <= rho_bar_max <= 1"}, "makes 2 comparisons"), ({"text": "gamma_max < 1"}, "cannot tell"),
    ({"text": "gamma_max == 1"}, "cannot tell"), ({"text": "gamma_max != 1"}, "no claim"),
    ({"text": "gamma_max"}, "compares no"),
    ({"text": "1 <= 2"}, "speaks of no quantity"), ({"text": 3}, "text=3"), ({"text": "x" * 501}, "at most 500"),
    ({"text": "n <= 1", "sense": "="}, "sense='='"), ({"text": "n <= 1", "sense": ">="}, "must be that of the text"),
    ({"text": "n <= 1", "measured": "n"}, "predicted=None"), ({"text": "n <= 1", "predicted": "n"}, "measured=None"),
    ({"text": "words", "measured": "n", "predicted": 1}, "sense=None"),
    ({"text": "n ≤ 1", "measured": "n", "predicted": 1, "sense": ">="}, "must be that of the text"),
    ({"text": "n ≤ 1", "measured": "n <= 1", "predicted": 1}, "is a comparison"),
    ({"text": "n ≤ 1", "measured": "n", "predicted": [1]}, "predicted="),
    ({"text": "1 ≤ 1", "measured": 1, "predicted": 1}, "speaks"),
    ({"text": "n ≤ 1", "measured": "n", "predicted": np.nan}, "predicted=nan"),
    ({"text": "n <= 1", "at": "the end"}, "at='the end'"),
    ({"text": "n <= 1", "at": -1}, "at=-1"), ({"text": "n <= 1", "at": 1.5}, "at=1.5"),
    ({"text": "n <= 1", "at": True}, "at=True"),
    ({"text": "n <= 1", "at": "since"}, "not raised"), ({"text": "n <= 1", "at": "since T1 T2"}, "at='since T1 T2'"),
    ({"text": "n <= 1", "when": 3}, "when=3"), ({"text": "n <= 1", "when": [3]}, "when=3"),
    ({"text": "n <= 1", "when": "n"}, "compares no"),
    ({"text": "n <= 1", "when": "n ~ 1"}, "when='n ~ 1'"), ({"text": "n <= 1", "when": "n <> 1"}, "cannot be read"),
    ({"text": "n <= 1", "name": "a b"}, "name='a b'"), ({"text": "n <= 1", "name": ""}, "name=''"),
    ({"text": "n <= 1", "name": 3}, "name=3"),
    ({"text": "n <= 1", "band": 0.5}, "band=0.5"), ({"text": "n <= 1", "looks": "all"}, "looks='all'"),
    ({"text": "n <= 1", "over_draws": 1}, "over_draws=1"), ({"text": "n <= 1", "formula": 1}, "formula=1"),
    ({"text": "≤", "measured": "n", "predicted": 1}, "not raised"),
])
def test_claims_that_are_refused(given: dict[str, Any], message: str) -> None:
    """With the argument and its value."""
    if message == "not raised":  # "since" alone is taken for the name of a time, as "T7" is
        assert ts.claim(**given)
        return
    with pytest.raises((TypeError, ValueError), match=message):
        ts.claim(**given)


@pytest.mark.parametrize(("given", "message"), [
    ({"text": "gama_max <= 1"}, r"'gama_max' is nothing of a PatchRun \(did you mean gamma_max\?\); there are"),
    ({"text": "alignment <= 1"}, "'alignment' is nothing of a PatchRun"),
    ({"text": "gamma*rho <= 1"}, "puts 2 × 3 and 2 × 3 × 12"),
    ({"text": "gamma <= rho"}, "compares"), ({"text": "max(train_loss) <= 1"}, "never over steps"),
    ({"text": "n <= 1", "at": "T3"}, r"'T3': is no time of a PatchRun; there are T1, T2"),
    ({"text": "n <= 1", "at": "since"}, "is no time"),
    ({"text": "orthogonal_noise <= 1"}, "is True in this run; must be a number"),
    ({"text": "n <= 1", "when": "gamma_max <= 1"}, "differs from step to step"),
    ({"text": "n <= 1", "when": "t <= 1"}, "'t' is nothing"),
    ({"text": "n <= 1", "when": lambda run: 3}, "returned 3; must be True"),
])
def test_claims_that_a_run_cannot_be_held_against(run: ts.PatchRun, given: dict[str, Any], message: str) -> None:
    """Not taken for false or not sampled: it is a mistake."""
    with pytest.raises((TypeError, ValueError), match=message):
        ts.check(run, ts.claim(**given))


# --- how it is shown -------------------------------------------------------------------------------------------


def test_a_claim_tells_what_it_is() -> None:
    """Id, words, formula, repr."""
    claim = ts.claim("gamma_max <= 2*rho_bar_max")
    assert isinstance(claim, ts.Statement) and (claim.source, claim.sense) == ("own claim", "≤")
    assert repr(claim) == ("<Statement claim.gamma_max_le_2_times_rho_bar_max: gamma_max ≤ 2 rho_bar_max "
                           "at every step>")
    assert claim.claim == "gamma_max <= 2*rho_bar_max"
    late = ts.claim("max(γ) ≥ n_snr2/T1", at="since T1", name="mine")
    assert repr(late) == "<Statement mine: max γ ≥ n SNR²/T1 since T1>"
    assert to_latex(late.formula) == r"$\max\gamma \geq n\ \mathrm{SNR}^{2}/T_{1}\ \mathrm{since}\ T_{1}$"
    assert to_mathml(late.formula).startswith("<math")
    assert ts.claim("rho_bar_max ~ n", at="end").formula == "rho_bar_max = Θ(n) at the end"
    words = ts.claim("memory <b>wins</b>", measured="rho_bar_max", predicted="gamma_max", sense=">=", formula="ρ ≥ γ")
    assert (words.id, words.formula, words.claim) == ("claim.memory_b_wins_over_b", "ρ ≥ γ", "memory <b>wins</b>")
    assert "<b>" not in words._repr_html_() and "at every step" in repr(words)
    assert repr(papers()["huang2025"].statements[0]).startswith("<Statement huang2025.")


def test_different_claims_have_different_ids() -> None:
    """As far as their text tells; Greek and Latin spellings are one."""
    texts = ["a*b <= c", "a/b <= c", "a+b <= c", "a-b <= c", "a**b <= c", "a%b <= c", "a*b >= c", "a*b ~ c"]
    assert len({ts.claim(text).id for text in texts}) == len(texts)
    assert ts.claim("max(γ) ≤ max(ρ̄)").id == "claim.max_gamma_le_max_rho_bar"
    assert ts.claim("max(γ) ≤ max(ρ̄)").id == ts.claim("max(gamma) <= max(rho_bar)").id


# --- check -----------------------------------------------------------------------------------------------------


def test_check_over_seeds_with_counts() -> None:
    """Claims and statements of papers side by side, counted over runs."""
    runs = [ts.simulate(PROBLEM, GD, 50, seed, record_every=3) for seed in (0, 3, 4)]
    often = ts.claim("gamma_max <= 0.011*rho_bar_max", at=20, name="often")
    report = ts.check(runs, [often, "huang2025.lemma_4_2.t1", ts.claim("gamma <= max(rho)", at="T1", name="at_t1")])
    holds = sum(run.column("gamma_max")[20] <= 0.011 * run.column("rho_bar_max")[20] for run in runs)
    table = report.table.set_index("statement")
    assert 0 < holds < 3 and table.loc["often", ["holds", "compared", "runs"]].tolist() == [holds, 3, 3]
    assert report.paper == "own claims and huang2025" and report.constants.names() == (
        "delta", "C", "band", "horizon", "epsilon", "gamma_threshold", "logs")
    wanted = ts.check(runs, "huang2025").table.set_index("statement").loc["huang2025.lemma_4_2.t1"]
    assert table.loc["huang2025.lemma_4_2.t1"].equals(wanted)
    sampled = sum(run.stage_times().T1 % 3 == 0 for run in runs)
    assert 0 < sampled < 3 and table.loc["at_t1", "compared"] == sampled
    again = ts.check(runs, [often, ts.claim("gamma <= max(rho)", at="T1", name="at_t1")], replay=True)
    assert again.table.set_index("statement").loc["at_t1", "compared"] == 3 and again.paper == "own claims"
    assert "own claims: 3 runs, delta=0.05" in str(again) and again["often"].statement is often
    for page in (again.to_html(), again.to_markdown(), again.to_latex(), repr(again)):
        assert "own claims" in page


def test_claims_over_draws_are_counted() -> None:
    """A claim with probability 1 − δ is violated when the share of runs is too small for it."""
    runs = [ts.simulate(PROBLEM, GD, 5, seed) for seed in range(6)]
    for text, verdict in {"sum(z_signal) <= 1e9": "holds", "sum(z_signal) >= 1e9": "violated"}.items():
        report = ts.check(runs, ts.claim(text, at="start", over_draws=True), delta=0.1)
        assert report.table["verdict"].tolist() == [verdict] and report.table["required"].tolist() == [0.9]


def test_what_check_is_asked_for() -> None:
    """One claim, an id, papers among claims; two of one name, and what is no statement, are refused."""
    made = ts.simulate(PROBLEM, GD, 5, 1)
    claim = ts.claim("gamma_max <= 1")
    assert ts.check(made, claim).table["statement"].tolist() == [claim.id]
    assert ts.check(made, "huang2025.lemma_4_2.t1").paper == "huang2025"
    whole = ts.check(made, [claim, "huang2025"])
    assert len(whole.table) == 1 + len(ts.check(made, "huang2025").table)
    mine = replace(papers()["huang2025"].statements[0], claim="changed")  # a function of the paper's evidence
    assert ts.check(made, mine).table["claim"].tolist() == ["changed"]
    for given, message in ((["huang2025.lema_4_2.t1"], "did you mean huang2025.lemma_4_2.t1"),
                           ([claim, claim], "occurs 2 times"), ([3], "3 must be a Statement"), (3, "paper=3"),
                           ([], "at least one"), (["zhang2025"], "says nothing of a PatchRun"),
                           ("claim", "paper='claim'")):
        with pytest.raises((TypeError, ValueError), match=message):
            ts.check(made, given)
    with pytest.raises(ValueError, match="gama_max"):
        ts.check(made, ts.claim("gama_max <= 1"))


# --- sweeps ----------------------------------------------------------------------------------------------------


@pytest.mark.compiled
def test_sweeps_take_claims(tmp_path: Any) -> None:
    """A column of verdicts, the same from threads and processes, and what evaluate() says of each run."""
    limit = 0.02
    claims = [ts.claim("gamma_max <= 0.01*rho_bar_max", at="end"),
              ts.claim("gamma <= 0.03", when="d >= 300", name="mine"),
              ts.claim("small", measured=lambda run, steps: run.column("gamma_max")[steps], predicted=limit,
                       sense="<=")]
    given = {"grid": {"d": [200, 400]}, "algorithms": {"GD": GD}, "steps": 30, "seeds": 3,
             "measure": [*claims, "train_loss"]}
    table = ts.sweep(PROBLEM, executor="threads", workers=2, store=tmp_path / "store", **given)
    there = ts.sweep(PROBLEM, executor="processes", workers=2, **given)
    assert [one.id for one in claims] == ["claim.gamma_max_le_0_01_times_rho_bar_max", "mine", "claim.small"]
    for one in claims:
        assert table[one.id].tolist() == there[one.id].tolist()
        assert table[one.id].tolist() == [
            str(evaluate(one, Evidence(ts.simulate(PROBLEM.replace(d=d), GD, 30, seed))).verdict)
            for d, seed in zip(table["d"], table["draw_seed"], strict=True)]
        assert len(set(table[one.id])) > 1
    assert set(table["mine"][table["d"] == 200]) == {"outside regime"}
    changed = [replace(claims[0], predicted=ts.claim("gamma_max <= 0.6*rho_bar_max").predicted), *claims[1:]]
    with pytest.raises(ValueError, match="store"):
        ts.sweep(PROBLEM, store=tmp_path / "store", **given | {"measure": [*changed, "train_loss"]})


def test_sweeps_give_claims_their_constants() -> None:
    """Those that a claim knows, of all that were given; a mistake is the row's reason."""
    order = ts.claim("rho_bar_max ~ 1e3", at="end", name="order")
    given = {"grid": {"d": [400]}, "algorithms": {"GD": GD}, "steps": 30, "seeds": 1}
    assert ts.sweep(PROBLEM, measure=order, band=1e6, epsilon=0.1, **given)["order"].tolist() == ["holds"]
    assert ts.sweep(PROBLEM, measure=order, band=2.0, **given)["order"].tolist() == ["violated"]
    failed = ts.sweep(PROBLEM, measure=ts.claim("gama_max <= 1", name="wrong"), **given)
    assert failed["status"].tolist() == ["failed"] and "did you mean gamma_max" in failed["reason"][0]
    with pytest.raises(ValueError, match="'order' occurs twice"):
        ts.sweep(PROBLEM, measure=[order, order], **given)


def test_fingerprints_are_of_all_that_a_claim_is() -> None:
    """Text, functions and what they enclose, where, when, band; and the same in another process."""
    def by(limit: float) -> Statement:
        return ts.claim("f", measured=lambda run, steps: limit, predicted=1, sense="<=")

    def when(limit: float) -> Statement:
        return ts.claim("n <= 1", when=lambda run: bool(run.problem.n < limit))

    claims = [ts.claim("n <= 1"), ts.claim("n <= 2", name=ts.claim("n <= 1").id), ts.claim("n <= 1", at="end"),
              ts.claim("n <= 1", at="T1"), ts.claim("n <= 1", at="T2"), ts.claim("n <= 1", when="n < 2"),
              ts.claim("n <= 1", when="n < 3"), ts.claim("n <= 1", band=3), by(1.0), by(2.0), when(1.0), when(2.0)]
    assert len({fingerprint(one) for one in claims}) == len(claims)
    assert fingerprint(pickle.loads(pickle.dumps(claims[5]))) == fingerprint(claims[5])


def test_claims_of_expressions_are_plain_values() -> None:
    """Equal when they say the same, and sent to other processes as they are."""
    claim = ts.claim("max(gamma) <= 2*n", at="since T1", when="snr < 1")
    assert pickle.loads(pickle.dumps(claim)) == claim == ts.claim("max(gamma) <= 2*n", at="since T1", when="snr < 1")
    assert claim != ts.claim("max(gamma) <= 3*n", at="since T1", when="snr < 1", name=claim.id)


def test_states_in_blocks_are_states_at_once(run: ts.PatchRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded by looking at few records together; the numbers do not know."""
    claims = [ts.claim("gamma <= 9*z_signal"), ts.claim("max(rho_bar) <= t*lr*n"), ts.claim("norm(rho) >= T1/n")]
    whole = [evaluate(one, Evidence(run)) for one in claims]
    monkeypatch.setattr("theorysim.theory.claim.BLOCK", 1)
    for one, wanted in zip(claims, whole, strict=True):
        found = evaluate(one, Evidence(run))
        assert all(getattr(found, name) == getattr(wanted, name) or np.isnan(getattr(wanted, name)) for name in NUMBERS)
    assert {one.verdict for one in whole} >= {Verdict.HOLDS, Verdict.VIOLATED}


def test_a_statement_that_is_not_about_the_run_is_named() -> None:
    """Nothing that was asked for is left out without a word; of a whole paper it need not be said."""
    run = ts.simulate(ts.SignalNoise(6, 300, 2, 1.0, 0.5, 0.01), ts.GradientDescent(0.1, ts.Flip(0.1)), 5)
    asked = ["huang2025.lemma_d_1", ts.claim("gamma_max <= 100")]
    for given in (asked, iter(asked)):
        report = ts.check(run, given)
        assert "not about such runs: huang2025.lemma_d_1" in report.why
        assert report.table["statement"].tolist() == ["claim.gamma_max_le_100"]
    assert "not about such runs" not in ts.check(run, "huang2025").why
