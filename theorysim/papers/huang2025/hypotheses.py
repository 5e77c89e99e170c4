"""Which runs the statements of Huang et al. 2025 are about, and what each of them assumes, as margins."""

from collections.abc import Callable, Sequence

import numpy as np

from theorysim.papers.huang2025.assumption import assumption_3_1
from theorysim.papers.huang2025.evidence import HuangEvidence
from theorysim.patch.algorithm import Flip
from theorysim.patch.run import PatchRun
from theorysim.theory import concentration
from theorysim.theory.conditions import Condition

PAPER = "Huang et al. 2025"
Conditions = Callable[[HuangEvidence], Sequence[Condition]]

# --- which runs -------------------------------------------------------------------------------------------------


def plain(run: PatchRun) -> bool:
    """Gradient descent without label noise."""
    return run.algorithm.label_noise is None


def flips(run: PatchRun) -> bool:
    """Label-noise gradient descent as in the paper."""
    return isinstance(run.algorithm.label_noise, Flip)


def drawn_flips(run: PatchRun) -> bool:
    """The same, with flips drawn from the seed, which alone can be counted afterwards."""
    return flips(run) and not run.given_label_noise


def plain_or_flips(run: PatchRun) -> bool:
    """Either of the paper's two algorithms."""
    return plain(run) or flips(run)


# --- what they assume -------------------------------------------------------------------------------------------


def assumption(evidence: HuangEvidence) -> Sequence[Condition]:
    """Assumption 3.1 with the constant C."""
    c = evidence.constants
    return assumption_3_1(evidence.problem, evidence.run.algorithm, c.C, c.logs, c.delta)


def model(evidence: HuangEvidence) -> Sequence[Condition]:
    """The paper's network and data: q = 2, orthogonal noise, true labels."""
    p = evidence.problem
    return (
        Condition("q = 2", abs(p.q - 2), "<=", 0, PAPER),
        Condition("noise is orthogonal to μ", float(not p.orthogonal_noise), "<=", 0, PAPER),
        Condition("labels are true", float(evidence.run.draw.noisy.mean()), "<=", 0, PAPER),
    )


def trajectory(evidence: HuangEvidence) -> Sequence[Condition]:
    """What a lemma about the trajectory assumes: the model, the measured good events, and the regime.

    The regime is Assumption 3.1 without the lower ends of σ_0 and p, which these lemmas do not use.
    """
    regime = [one for one in assumption(evidence) if not one.formula.startswith(("σ_0 ≥", "p ≥"))]
    return (*model(evidence), *concentration.good_events(evidence), *regime)


def theorem(evidence: HuangEvidence) -> Sequence[Condition]:
    """What a theorem assumes: the model and Assumption 3.1."""
    return (*model(evidence), *assumption(evidence))


def bounded_steps(evidence: HuangEvidence) -> Sequence[Condition]:
    """The same as for a trajectory, and what the proof of Proposition 4.1 says of the step and of β."""
    p, lr, source = evidence.problem, evidence.run.algorithm.lr, f"{PAPER}, proof of Proposition 4.1"
    strong = evidence.constants.C * p.n * p.m / p.signal_norm**2 if p.signal_norm else np.inf
    return (
        *trajectory(evidence),
        Condition("η ≤ 2nm/(3σ_p² d)", evidence.rate, "<=", 2 / 3, source),
        Condition("η ≤ C nm/‖μ‖²", lr, "<=", strong, source),
        Condition("β + 16 n √(log(4n²/δ)/d) α ≤ 2α", leakage(evidence), "<=", 2 * alpha(evidence), source),
    )


def bounded_so_far(evidence: HuangEvidence) -> Sequence[Condition]:
    """The same as for a trajectory, and (7) and (8) of Proposition 4.1 wherever the run was observed."""
    source, bound = f"{PAPER}, Lemma C.1", alpha(evidence)
    seen = evidence.run.column
    gamma = float(np.fmax.reduce(np.maximum(seen("gamma_max"), -seen("gamma_min"))))
    return (
        *trajectory(evidence),
        Condition("|γ_{j,r}| ≤ α", gamma, "<=", bound, source),
        Condition("ρ̄_{j,r,i} ≤ α", float(np.fmax.reduce(seen("rho_bar_max"))), "<=", bound, source),
        Condition("−ρ̲_{j,r,i} ≤ α", float(-np.fmin.reduce(seen("rho_under_min"))), "<=", bound, source),
    )


def large_start(evidence: HuangEvidence) -> Sequence[Condition]:
    """The model, the measured good events, and σ_0 above the end that Lemma D.3 or E.2 names."""
    p = evidence.problem
    share = 160 * leak(evidence) * alpha(evidence) / (p.noise_std * np.sqrt(p.d))
    name = "160 n √(log(4n²/δ)/d) α/(σ_p √d)"
    if evidence.label_noise:
        share, name = share * p.d**0.25, f"{name} d^(1/4)"
    lemma = "Lemma E.2" if evidence.label_noise else "Lemma D.3"
    start = Condition(f"σ_0 ≥ {name}", p.init_std, ">=", float(share), f"{PAPER}, {lemma}")
    return (*model(evidence), *concentration.good_events(evidence), start)


def counted_classes(evidence: HuangEvidence) -> Sequence[Condition]:
    """n ≥ 8 log(8T*/δ)/p² and p ≤ ½."""
    return (_samples_for_flips(evidence), Condition("p ≤ 1/2", evidence.flip_rate, "<=", 0.5, f"{PAPER}, Lemma B.3"))


def _samples_for_flips(evidence: HuangEvidence) -> Condition:
    wanted = _over(8 * _log_horizon(evidence), evidence.flip_rate**2)
    return Condition("n ≥ 8 log(8T*/δ)/p²", evidence.problem.n, ">=", wanted, f"{PAPER}, Lemma B.3")


def counted_steps(evidence: HuangEvidence) -> Sequence[Condition]:
    """t ≥ 2 log(4n/δ)/p²."""
    return (_steps_for_flips(evidence, evidence.run.steps),)


def _steps_for_flips(evidence: HuangEvidence, steps: float) -> Condition:
    wanted = _over(2 * np.log(4 * evidence.problem.n / evidence.constants.delta), evidence.flip_rate**2)
    return Condition("t ≥ 2 log(4n/δ)/p²", steps, ">=", wanted, f"{PAPER}, Lemma B.4")


def low_snr_descent(evidence: HuangEvidence) -> Sequence[Condition]:
    """What a theorem assumes, and n·SNR² ≤ C/log(1/u), u = σ_0σ_p√d, as the proof of Lemma 4.2 has it."""
    return (*theorem(evidence), _low_snr(evidence, 1.0, "n·SNR² ≤ C/log(1/(σ_0σ_p√d))", "proof of Lemma 4.2"))


def low_snr_noise(evidence: HuangEvidence) -> Sequence[Condition]:
    """What a theorem assumes, and n·SNR² ≤ C/log(20/u), u = σ_0σ_p√d, as the proof of Lemma 4.4 has it."""
    return (*theorem(evidence), _low_snr(evidence, 20.0, "n·SNR² ≤ C/log(20/(σ_0σ_p√d))", "proof of Lemma 4.4"))


def _low_snr(evidence: HuangEvidence, top: float, formula: str, place: str) -> Condition:
    logarithm = np.log(top / evidence.memory) if 0 < evidence.memory < top else np.inf
    wanted = evidence.constants.C / logarithm if np.isfinite(logarithm) else 0.0
    return Condition(formula, evidence.problem.n_snr2, "<=", float(wanted), f"{PAPER}, {place}")


def growth_of_signal(evidence: HuangEvidence) -> Sequence[Condition]:
    """The same as for a trajectory, p < C_0/6 and n ≥ 72 C_0⁻² log(8T*/δ), C_0 as measured up to T1."""
    bound, source = first_stage_derivative(evidence), f"{PAPER}, Lemma E.1"
    wanted = _over(72 * _log_horizon(evidence), bound**2)
    return (
        *trajectory(evidence),
        Condition("p ≤ C₀/6", evidence.flip_rate, "<=", bound / 6, source),
        Condition("n ≥ 72 C₀⁻² log(8T*/δ)", evidence.problem.n, ">=", wanted, source),
    )


def growth_of_noise(evidence: HuangEvidence) -> Sequence[Condition]:
    """The same as for a trajectory, σ_0 as in Lemma E.2, p ≤ C_0/24 and T1 ≥ 2 log(4n/δ)/p².

    The paper's bound on p is not legible; C_0/24 is the value that it says satisfies it.
    """
    source, until = f"{PAPER}, Lemma E.3", evidence.printed_first_stage
    return (
        *trajectory(evidence), large_start(evidence)[-1],
        Condition("p ≤ C₀/24", evidence.flip_rate, "<=", first_stage_derivative(evidence) / 24, source),
        _steps_for_flips(evidence, until),
    )


def small_flips(evidence: HuangEvidence) -> Sequence[Condition]:
    """What a theorem assumes, (3/2)p ≤ ½/(1 + e^{c₂}), c₂ the largest output of stage 2, and n ≥ 8 log(8T*/δ)/p²."""
    c_2, source = evidence.output_bound, f"{PAPER}, proof of Lemma E.4"
    known = [] if np.isnan(c_2) else [
        Condition("(3/2)p ≤ ½/(1 + e^{c₂})", 1.5 * evidence.flip_rate, "<=", 0.5 / (1 + float(_exp(c_2))), source)]
    return (*theorem(evidence), *known, _samples_for_flips(evidence))


# --- what these are made of -------------------------------------------------------------------------------------


def alpha(evidence: HuangEvidence) -> float:
    """α = 4 log T*."""
    return float(4 * np.log(evidence.horizon))


def leak(evidence: HuangEvidence) -> float:
    """n √(log(4n²/δ)/d)."""
    p, delta = evidence.problem, evidence.constants.delta
    return float(p.n * np.sqrt(np.log(4 * p.n**2 / delta) / p.d))


def leakage(evidence: HuangEvidence) -> float:
    """β + 16 n √(log(4n²/δ)/d) α, with β = 2 max{|⟨w_0, μ⟩|, |⟨w_0, ξ_i⟩|}."""
    beta = 2 * max(np.abs(evidence.initial_signal).max(), np.abs(evidence.initial_noise).max())
    return float(beta + 16 * leak(evidence) * alpha(evidence))


def first_stage_derivative(evidence: HuangEvidence) -> float:
    """C_0: the smallest |ℓ̃'| up to T1 = nm log(1/u)/(ησ_p²d), or to the end when that comes first."""
    until, last = evidence.printed_first_stage, evidence.run.steps
    return float(evidence.derivative_bound[last if np.isnan(until) else min(int(until), last)])


def _log_horizon(evidence: HuangEvidence) -> float:
    return float(np.log(8 / evidence.constants.delta) + np.log(evidence.horizon))


def _over(above: float, below: float) -> float:
    return float(above / below) if below > 0 else float("inf")


def _exp(exponent: float) -> float:
    with np.errstate(over="ignore"):
        return float(np.exp(exponent))
