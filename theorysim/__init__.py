"""theorysim: see whether a run does what a theorem says."""

from theorysim import plot
from theorysim.check import check
from theorysim.core.files import save
from theorysim.core.run import Run
from theorysim.core.status import DivergenceError, Status
from theorysim.core.system import System
from theorysim.linear import LinearDraw, LinearNetwork, LinearRun, LinearSGD
from theorysim.mean_field import MeanField, MeanFieldDraw, MeanFieldRun
from theorysim.oscillation import OscillatingLayer, OscillationRun
from theorysim.patch.algorithm import Flip, Gaussian, GradientDescent, Uniform
from theorysim.patch.draw import Draw
from theorysim.patch.patch_data import PatchData
from theorysim.patch.patch_laws import XOR, Constant, FeatureLaw, LongTail, Noise, PatchLaw, Signal, Spurious, Sum, Zero
from theorysim.patch.patch_model import PatchModel
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
from theorysim.patch.run import PatchRun
from theorysim.patch.trained import reconstruct
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
from theorysim.scaling import scaling
from theorysim.sweep import load_sweep, summarise, sweep
from theorysim.systems import again, load, load_run, register_system, resume, simulate
from theorysim.theory.paper import Paper, register_paper

__version__ = "0.1.0"

__all__ = [
    "AtStep",
    "BestValidation",
    "Constant",
    "Digits",
    "DivergenceError",
    "Draw",
    "EarlyStopping",
    "FeatureLaw",
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
    "LongTail",
    "LossBelow",
    "MeanField",
    "MeanFieldDraw",
    "MeanFieldRun",
    "Noise",
    "OracleSelection",
    "OscillatingLayer",
    "OscillationRun",
    "Paper",
    "PatchData",
    "PatchLaw",
    "PatchModel",
    "PatchRun",
    "Reweighting",
    "ReweightingDraw",
    "ReweightingRun",
    "Run",
    "Selection",
    "Signal",
    "SignalNoise",
    "SignalNoiseImages",
    "SmallLossSelection",
    "Spurious",
    "Status",
    "Sum",
    "System",
    "Uniform",
    "XOR",
    "Zero",
    "again",
    "check",
    "feature_reweighting",
    "load",
    "load_run",
    "load_sweep",
    "plot",
    "reconstruct",
    "register_paper",
    "register_system",
    "resume",
    "save",
    "scaling",
    "simulate",
    "summarise",
    "sweep",
]
