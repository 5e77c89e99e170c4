"""Meta-learned sample reweighting under label noise (Zhang, Holtz, Mishne, Cloninger, arXiv 2510.12209).

A few clean samples teach the weights of many noisy ones: each step looks one step of gradient descent ahead, and
moves every weight against the gradient of the clean loss there. Under a fixed kernel outputs and weights are all
that there is, and they are evolved exactly; an explicit ReLU network shows how far a finite width is from that.
"""

from theorysim.reweighting.algorithm import Reweighting
from theorysim.reweighting.data import Digits, LabelledArrays, SignalNoiseImages
from theorysim.reweighting.draw import ReweightingDraw, draw_reweighting
from theorysim.reweighting.features import FeatureWeights, feature_reweighting
from theorysim.reweighting.network import deviation
from theorysim.reweighting.observables import REWEIGHTING_OBSERVABLES
from theorysim.reweighting.problem import KernelReweighting
from theorysim.reweighting.run import ReweightingRun
from theorysim.reweighting.stages import ReweightingTimes
from theorysim.reweighting.stepper import ReweightingView

__all__ = [
    "REWEIGHTING_OBSERVABLES", "Digits", "FeatureWeights", "KernelReweighting", "LabelledArrays", "Reweighting",
    "ReweightingDraw", "ReweightingRun", "ReweightingTimes", "ReweightingView", "SignalNoiseImages", "deviation",
    "draw_reweighting", "feature_reweighting",
]
