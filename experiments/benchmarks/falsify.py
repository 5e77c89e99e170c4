"""How long a false claim lasts: seconds until falsify() has a counterexample, and true claims that survive.

    python experiments/benchmarks/falsify.py [--seeds 0 1] [--budget 60] [--only false] [--out docs/measured]

The false claims are those that this repository found false, as printed or as read: with the paper's own conditions, or
with those that no small run can meet left out (they are marked).
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

import theorysim as ts
from theorysim import strategies as ours
from theorysim.falsify import Counterexample
from theorysim.papers.han2025 import quantities as han
from theorysim.papers.huang2025 import hypotheses
from theorysim.reproduce import markdown
from theorysim.theory.paper import paper_named
from theorysim.theory.statement import Sense, Statement, no_conditions
from theorysim.theory.windows import every_step, number, observed, recorded

HUANG = "huang2025"


@dataclass(frozen=True)
class Case:
    """A claim and where to look."""

    claim: Any
    inside: Any = HUANG
    note: str = ""
    keywords: tuple[tuple[str, Any], ...] = ()


def printed(name: str, **changes: Any) -> Statement:
    """A paper's statement with something changed."""
    paper = paper_named(name.partition(".")[0])
    return replace(next(one for one in paper.statements if one.id == name), **changes)


def bare(name: str) -> Statement:
    """A statement of Huang et al. without the conditions that small runs cannot meet, about every good draw."""
    return printed(f"{HUANG}.{name}", conditions=hypotheses.trajectory, over_draws=False)


def theorem(name: str) -> Statement:
    """The same with Assumption 3.1 alone."""
    return printed(f"{HUANG}.{name}", conditions=hypotheses.theorem)


def scaled(name: str, factor: float) -> Statement:
    """A bare statement with its right side times a factor."""
    one = bare(name)
    return replace(one, predicted=lambda e, s: factor * np.asarray(one.predicted(e, s)))


def alone(problem: ts.SignalNoise, seed: int) -> ts.Draw:
    """One filter of each branch is active on the only sample: good events promise no more."""
    drawn = ts.Draw.from_problem(problem, seed)
    noise = drawn.vectors[1] / np.linalg.norm(drawn.vectors[1])
    size = problem.init_std * np.where(np.arange(2 * problem.m) % problem.m == 0, 1.0, -0.1)
    weights = drawn.weights + np.outer(size - drawn.weights @ noise, noise)
    return drawn.with_weights(weights.reshape(2, problem.m, -1))


def small(problem: ts.LinearNetwork, seed: int) -> ts.LinearDraw:
    """Neurons and second weights of size √η, η = 10⁻³, and inputs with H = I."""
    return ts.LinearDraw.small(problem, 1e-3**0.5, seed).whitened()


def smallest_rise(evidence: Any, steps: np.ndarray) -> np.ndarray:
    """min over filters of γ(t) − γ(t − 1); 0 at the first record."""
    gamma = evidence.run.gamma[evidence.records(steps)]
    rises = np.diff(gamma.reshape(len(steps), -1), axis=0).min(axis=1)
    return np.concatenate([[0.0], rises])


def own(name: str, formula: str, sense: Sense, measured: Any, predicted: Any, **more: Any) -> Statement:
    """A claim of one's own."""
    return Statement(f"own.{name}", formula, formula, "own", sense, measured, predicted, **more)


WIDE = ours.problems(inside=HUANG, n=st.integers(8, 12), m=st.integers(40, 150))
FLIPS = st.builds(ts.Flip, st.floats(0.2, 0.5))
NOISY = {"problems": WIDE, "algorithms": lambda problem: st.builds(
    ts.GradientDescent, ours.scales(-1, 0).map(lambda share: share * ours.largest_small_lr(problem)), FLIPS)}
NETWORKS = st.builds(ts.LinearNetwork, n=st.integers(20, 60), d=st.integers(5, 15), width=st.integers(16, 64),
                     target_norm=st.just(1.0))

FALSE: dict[str, Case] = {
    "D.2": Case("huang2025.lemma_d_2"),
    "D.4": Case("huang2025.lemma_d_4"),
    "E.1": Case(bare("lemma_e_1"), note="bare"),
    "E.1, main text": Case(bare("lemma_e_1.main_text"), note="bare"),
    "E.3": Case(bare("lemma_e_3"), note="bare"),
    "4.1, within α": Case("huang2025.proposition_4_1.order"),
    "4.1, T* the run, m of hundreds": Case(
        bare("proposition_4_1.rho_bar"), {"problems": ours.problems(inside=HUANG, n=1, m=st.integers(200, 600)),
                                          "steps": 5000, "draws": alone},
        note="bare, draws with one active filter", keywords=(("horizon", 5000),)),
    "4.2 (ii), constant 1": Case(bare("lemma_4_2.rho_under"), note="bare"),
    "4.2 (ii), 12 for 24": Case(scaled("lemma_4_2.rho_under.explicit", 0.5), note="bare"),
    "4.3, ρ̲, constant 1": Case(bare("lemma_4_3.rho_under"), note="bare"),
    "4.3, γ at most doubles": Case("huang2025.lemma_4_3.gamma.proof"),
    "4.4 (iii)": Case(theorem("lemma_4_4.gamma"), NOISY, note="Assumption 3.1 alone"),
    "4.5 (iii), mean square": Case(theorem("lemma_4_5.output.upper"), NOISY, note="Assumption 3.1 alone"),
    "4.5 (iii), square of the mean": Case(theorem("lemma_4_5.output.thread.upper"), NOISY, note="Assumption 3.1 alone"),
    "4.5 (iv)": Case(theorem("lemma_4_5.growth"), NOISY, note="Assumption 3.1 alone"),
    "Han 5.1, printed conditions": Case(
        printed("han2025.lemma_5_1.noisy", conditions=han.condition, over_draws=False),
        {"problems": ours.problems(
            n=4, m=st.integers(1, 5), q=1, d=st.integers(1000, 8000), orthogonal_noise=False, noise_std=1.0, bias=0.0,
            init_law="normal", init_std=ours.scales(-5, -3), signal_norm=st.floats(30, 80), flip_law="independent",
            label_flip=st.tuples(st.floats(0.2, 0.49), st.floats(0.2, 0.49)))},
        note="of every draw", keywords=(("order_one", 10.0),)),
    "Zhang 5, as printed": Case(
        printed("zhang2026.lemma_5.printed_median", conditions=no_conditions, over_draws=False),
        {"problems": NETWORKS, "algorithms": ts.LinearSGD(1e-3, batch="full", label_noise=False), "steps": 40,
         "draws": small}, note="Condition 1 left out: no double meets it"),
    "second order, bound": Case(printed("second_order.bound", conditions=no_conditions), note="without small steps"),
    "γ never falls": Case(own("gamma_rises", "γ(t) ≥ γ(t − 1)", Sense.LOWER, smallest_rise, number(0.0),
                              window=recorded(every_step)), None),
    "max γ ≤ max ρ̄": Case(own("signal_below_memory", "max γ ≤ max ρ̄", Sense.UPPER, observed("gamma_max"),
                               observed("rho_bar_max"), window=every_step)),
}
TRUE: dict[str, Case] = {
    "D.1": Case("huang2025.lemma_d_1"),
    "D.1, label noise": Case("huang2025.lemma_d_1.label_noise"),
    "D.2, with 6": Case("huang2025.lemma_d_2.derived"),
    "C.1, signal": Case("huang2025.lemma_c_1.signal"),
    "C.1, noise": Case("huang2025.lemma_c_1.noise"),
    "4.2 (ii), explicit": Case(bare("lemma_4_2.rho_under.explicit"), note="bare"),
    "4.2 (iii), explicit": Case(bare("lemma_4_2.gamma.explicit"), note="bare"),
    "Zhang 2025, alignment": Case("zhang2025.alignment", None),
}


def searched(case: Case, budget: float, seed: int) -> tuple[Any, float, float]:
    """The result, seconds and processor seconds."""
    started, busy = perf_counter(), process_time()
    found = ts.falsify(case.claim, case.inside, budget=budget, seed=seed, **dict(case.keywords))
    return found, perf_counter() - started, process_time() - busy


def row(name: str, case: Case, budget: float, seed: int) -> dict[str, Any]:
    """One search as a row."""
    found, seconds, busy = searched(case, budget, seed)
    told = {"claim": name, "conditions": case.note, "seed": seed, "budget (s)": f"{budget:g}"}
    if isinstance(found, Counterexample):
        size = f"{found.problem}, {found.algorithm}, {found.steps} steps, seed {found.seed}"
        draws = "" if found.share is None else f"; holds on {found.share[0]} of {found.share[1]} fresh draws"
        told |= {"result": f"contradicted ({found.how})", "runs": found.tries, "until found (s)": f"{found.until:.1f}",
                 "in all (s)": f"{seconds:.1f}", "processor (s)": f"{busy:.1f}", "ratio": f"{found.ratio:.3g}",
                 "counterexample": size + draws}
    else:
        closest = "" if found.closest is None else f"{found.closest.seen.ratio:.3g}"
        told |= {"result": "survived", "runs": found.tried, "independent": found.independent,
                 "failure rate below": f"{found.bound:.2g}", "in all (s)": f"{seconds:.1f}",
                 "processor (s)": f"{busy:.1f}", "ratio": closest}
    print(told, flush=True)
    return told


def written(rows: list[dict[str, Any]], folder: Path) -> None:
    """Rows into falsify.csv, in place of former ones of the same claim and seed, and all of it as falsify.md."""
    path, keys = folder / "falsify.csv", ["claim", "seed"]
    frame = pd.DataFrame(rows, dtype=object)
    if path.exists():
        frame = pd.concat([pd.read_csv(path, dtype=object), frame])
    frame["seed"] = frame["seed"].astype(int)
    frame = frame.drop_duplicates(keys, keep="last")
    order = {name: place for place, name in enumerate([*FALSE, *TRUE])}
    frame = frame.sort_values(keys, key=lambda column: column.map(order) if column.name == "claim" else column)
    frame.to_csv(path, index=False)
    parts = []
    for title, cases in (("Claims that are false", FALSE), ("Claims that are true", TRUE)):
        mine = frame[frame["claim"].isin(list(cases))].dropna(axis=1, how="all").fillna("")
        parts += [f"## {title}\n\n{markdown(mine)}\n"] if len(mine) else []
    folder.joinpath("falsify.md").write_text("\n".join(parts), encoding="utf-8")


def main() -> None:
    """Search for each, and print a row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of the searches")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of each search (default %(default)s)")
    parser.add_argument("--only", nargs="+", help="names of claims; false, true: all of these")
    parser.add_argument("--out", type=Path, help="folder to write falsify.csv and falsify.md to")
    options = parser.parse_args()
    groups = {"false": list(FALSE), "true": list(TRUE)}
    chosen = [one for name in options.only or groups for one in groups.get(name, [name])]
    rows = [row(name, (FALSE | TRUE)[name], options.budget, seed) for name in chosen for seed in options.seeds]
    if options.out:
        written(rows, options.out)


if __name__ == "__main__":
    main()
