"""The second layer's oscillation alone: it shrinks the neurons (T. Zhang et al. 2026, Lemma 4's simulation).

The paper replaces the second layer by a Markov chain of three states, −s, 0 and s with s² = √η (read off its equations;
our reading): from 0 a neuron goes to ±s, either with probability ½, and from ±s back to 0. Half of the neurons are at 0
at even steps and half at odd ones. The first layer takes full-batch steps,

    W ← W − η a (H e)ᵀ,   e = Wᵀa − θ*,   H = XᵀX/n.

A neuron moves only when it is not at 0, with a sign that is new, so the moments B = Σ w_i w_iᵀ of the m_g neurons of a
group close in expectation (derived): at the steps of its group

    B ← B − ηs²(BH + HB) + η²s²m_g H(s²B + θ*θ*ᵀ)H,

which brings tr B/m_g to η‖θ*‖²/2 where H = I, below √η only when ‖θ*‖² ≤ 2/√η.
"""

from theorysim.oscillation.algorithm import OscillatingLayer
from theorysim.oscillation.run import OscillationRun
from theorysim.oscillation.stages import OscillationTimes
from theorysim.oscillation.stepper import OscillationState

__all__ = ["OscillatingLayer", "OscillationRun", "OscillationState", "OscillationTimes"]
