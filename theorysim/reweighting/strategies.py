"""Hypothesis strategies of sample reweighting."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from theorysim.core.strategies import scales
from theorysim.reweighting.algorithm import LOOK_AHEAD, Reweighting
from theorysim.reweighting.data import SignalNoiseImages
from theorysim.reweighting.gram import KERNELS
from theorysim.reweighting.problem import KernelReweighting


def problems() -> SearchStrategy[KernelReweighting]:
    """A few samples of the patch model under any kernel, with flips in either set."""
    data = st.builds(SignalNoiseImages, d=st.integers(1, 6), signal_norm=scales(-1, 1), noise_std=scales(-2, 0))
    rate, kernel = st.floats(0.0, 1.0), st.sampled_from(KERNELS)
    return st.builds(
        KernelReweighting, data, n=st.integers(1, 12), clean=st.integers(1, 6), test=st.integers(0, 4), kernel=kernel,
        label_flip=rate, clean_label_flip=rate, proxy_kernel=st.none() | kernel, balanced_clean=st.booleans(),
    )


def settings() -> SearchStrategy[tuple[KernelReweighting, Reweighting]]:
    """Problems with algorithms for them, rates given where a kernel of zeros has no scale for the defaults."""
    return problems().flatmap(lambda problem: st.tuples(st.just(problem), st.builds(
        Reweighting, lr=scales(-3, 0), weight_lr=scales(-3, 1), initial_weight=st.floats(0.0, 1.0),
        look_ahead=st.sampled_from(LOOK_AHEAD), clean_batch=st.none() | st.integers(1, problem.clean),
        freeze_at=st.none() | st.just("t2") | st.integers(0, 20), reweight=st.booleans(),
    )))
