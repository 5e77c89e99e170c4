"""Meta-learned sample reweighting under label noise (Zhang, Holtz, Mishne, Cloninger, arXiv 2510.12209).

A few clean samples teach the weights of many noisy ones: each step looks one step of gradient descent ahead, and
moves every weight against the gradient of the clean loss there. Under a fixed kernel outputs and weights are all
that there is, and they are evolved exactly; an explicit ReLU network shows how far a finite width is from that.
"""

from theorysim.reweighting.arrays import ReweightingArrays, draw_reweighting
from theorysim.reweighting.data import Arrays, Digits, SignalNoiseImages
from theorysim.reweighting.network import deviation, simulate_network
from theorysim.reweighting.problem import KernelReweighting, Reweighting
from theorysim.reweighting.run import ReweightingRun
from theorysim.reweighting.simulate import resume_reweighting, simulate_reweighting

__all__ = [
    "Arrays", "Digits", "KernelReweighting", "Reweighting", "ReweightingArrays", "ReweightingRun",
    "SignalNoiseImages", "deviation", "draw_reweighting", "resume_reweighting", "simulate_network",
    "simulate_reweighting",
]
