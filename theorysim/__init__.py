"""theorysim: see whether a run does what a theorem says."""

from theorysim import plot
from theorysim.patch.algorithm import Flip, Gaussian, GradientDescent, Uniform
from theorysim.check import check
from theorysim.patch.draw import Draw
from theorysim.linear import LinearDraw, LinearNetwork, LinearRun, LinearSGD
from theorysim.oscillation import OscillatingLayer, OscillationRun
from theorysim.patch.patch_data import PatchData
from theorysim.patch.policy import (
    AtStep,
    BestValidation,
    EarlyStopping,
    FirstStage,
    LossBelow,
    OracleSelection,
    Selection,
    SmallLossSelection,
)
from theorysim.patch.problem import SignalNoise
from theorysim.reweighting import (
    Digits,
    KernelReweighting,
    LabelledArrays,
    Reweighting,
    ReweightingDraw,
    ReweightingRun,
    SignalNoiseImages,
    feature_reweighting,
)
from theorysim.core.status import DivergenceError, Status
from theorysim.patch.run import Run, reconstruct
from theorysim.scaling import scaling
from theorysim.storage import load_run
from theorysim.sweep import load_sweep, summarise, sweep
from theorysim.systems import resume, simulate

__version__ = "0.1.0"

__all__ = [
    "AtStep",
    "BestValidation",
    "Digits",
    "DivergenceError",
    "Draw",
    "EarlyStopping",
    "FirstStage",
    "Flip",
    "Gaussian",
    "GradientDescent",
    "KernelReweighting",
    "LabelledArrays",
    "LinearDraw",
    "LinearNetwork",
    "LinearRun",
    "LinearSGD",
    "LossBelow",
    "OracleSelection",
    "OscillatingLayer",
    "OscillationRun",
    "PatchData",
    "Reweighting",
    "ReweightingDraw",
    "ReweightingRun",
    "Run",
    "Selection",
    "SignalNoise",
    "SignalNoiseImages",
    "SmallLossSelection",
    "Status",
    "Uniform",
    "check",
    "feature_reweighting",
    "load_run",
    "load_sweep",
    "plot",
    "reconstruct",
    "resume",
    "scaling",
    "simulate",
    "summarise",
    "sweep",
]
