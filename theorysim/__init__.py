"""theorysim: see whether a run does what a theorem says."""

from theorysim import plot
from theorysim.attention import AttentionDraw, AttentionGD, AttentionRun, TokenSelection
from theorysim.check import check
from theorysim.core.files import save
from theorysim.core.run import Run
from theorysim.core.runs import Runs
from theorysim.core.status import DivergenceError, Status
from theorysim.core.system import System
from theorysim.falsify import Counterexample, Survived, falsify
from theorysim.linear import LinearDraw, LinearNetwork, LinearRun, LinearSGD
from theorysim.mean_field import MeanField, MeanFieldDraw, MeanFieldRun
from theorysim.oscillation import OscillatingLayer, OscillationRun
from theorysim.patch.activation import (
    Erf,
    HuberisedReLU,
    Identity,
    LeakyReLU,
    Monomial,
    PowerReLU,
    SignedPower,
    SmoothedLeakyReLU,
    Softplus,
)
from theorysim.patch.algorithm import Flip, Gaussian, GradientDescent, Uniform
from theorysim.patch.draw import Draw
from theorysim.patch.patch_data import PatchData
from theorysim.patch.patch_laws import (
    XOR,
    ConstantPatch,
    FeatureLaw,
    LongTail,
    Noise,
    PatchLaw,
    Signal,
    Spurious,
    Sum,
    Zero,
)
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
from theorysim.patch.refused import Adam, SignSGD
from theorysim.patch.run import PatchRun
from theorysim.patch.schedules import Constant, Cosine, Exponential, Steps, Until, Values, Warmup
from theorysim.patch.trained import reconstruct
from theorysim.report import report
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
from theorysim.theory.claim import claim
from theorysim.theory.paper import Paper, register_paper
from theorysim.theory.statement import Statement

__version__ = "0.1.0"

__all__ = [
    "Adam",
    "AtStep",
    "AttentionDraw",
    "AttentionGD",
    "AttentionRun",
    "BestValidation",
    "Constant",
    "ConstantPatch",
    "Counterexample",
    "Cosine",
    "Digits",
    "DivergenceError",
    "Draw",
    "EarlyStopping",
    "Erf",
    "Exponential",
    "FeatureLaw",
    "FirstStage",
    "Flip",
    "Gaussian",
    "GradientDescent",
    "HuberisedReLU",
    "Identity",
    "KernelReweighting",
    "LabelledArrays",
    "LeakyReLU",
    "LinearDraw",
    "LinearNetwork",
    "LinearRun",
    "LinearSGD",
    "LongTail",
    "LossBelow",
    "MeanField",
    "MeanFieldDraw",
    "MeanFieldRun",
    "Monomial",
    "Noise",
    "OracleSelection",
    "OscillatingLayer",
    "OscillationRun",
    "Paper",
    "PatchData",
    "PatchLaw",
    "PatchModel",
    "PatchRun",
    "PowerReLU",
    "Reweighting",
    "ReweightingDraw",
    "ReweightingRun",
    "Run",
    "Runs",
    "Selection",
    "SignSGD",
    "Signal",
    "SignalNoise",
    "SignalNoiseImages",
    "SignedPower",
    "SmallLossSelection",
    "SmoothedLeakyReLU",
    "Softplus",
    "Spurious",
    "Statement",
    "Status",
    "Steps",
    "Sum",
    "Survived",
    "System",
    "TokenSelection",
    "Uniform",
    "Until",
    "Values",
    "Warmup",
    "XOR",
    "Zero",
    "again",
    "check",
    "claim",
    "falsify",
    "feature_reweighting",
    "load",
    "load_run",
    "load_sweep",
    "plot",
    "reconstruct",
    "register_paper",
    "register_system",
    "report",
    "resume",
    "save",
    "scaling",
    "simulate",
    "summarise",
    "sweep",
]
