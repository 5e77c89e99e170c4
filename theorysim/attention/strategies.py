"""Hypothesis strategies of attentions that select tokens."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from theorysim.attention.algorithm import AttentionGD
from theorysim.attention.problem import IDENTITY, KEY_LAWS, TokenSelection
from theorysim.core.strategies import scales


@st.composite
def problems(draw: st.DrawFn) -> TokenSelection:
    """Small ones of every law of W, with no signal, no noise, one sample and one token among them."""
    tokens = draw(st.integers(1, 5))
    weak = draw(st.integers(0, tokens - 1))
    law = draw(st.sampled_from(KEY_LAWS))
    return TokenSelection(
        n=draw(st.integers(1, 6)), d=draw(st.integers(2, 40)), tokens=tokens, weak=weak,
        signal_norm=draw(st.just(0.0) | scales(-1, 2)), relevance=draw(st.floats(0.0, 1.0)),
        opposed=draw(st.integers(0, tokens - 1 - weak)), noise_std=draw(st.just(0.0) | scales(-1, 1)),
        label_flip=draw(st.floats(0.0, 1.0)), key_law=law,
        key_std=draw(st.none() | scales(-2, 0)) if law != IDENTITY else None, head_norm=draw(scales(-2, 1)),
    )


def settings() -> SearchStrategy[tuple[TokenSelection, AttentionGD]]:
    """Problems with algorithms for them, up to steps that saturate every softmax."""
    return st.tuples(problems(), st.builds(AttentionGD, lr=scales(-4, 4), train_keys=st.booleans(),
                                           train_head=st.booleans()))
