"""Single-head attention that selects a token, at any dimension (Magen et al. 2025; Sakamoto & Sato 2025).

f(X) = vᵀXᵀ softmax(XWp) on samples X (T, d) of tokens, logistic loss, gradient descent on p, and on W and v if asked.
Gradients are sums of x_a pᵀ (of W), Wᵀx_a (of p) and x_a (of v) over the nT training tokens x_a, so with p(0) = 0 and
keys k_a = W(0)ᵀx_a, exactly (derived)

    p = Σ_a b_a k_a,   W = W(0) + Σ_ab R_ab x_a k_bᵀ,   v = v(0) + Σ_a h_a x_a,

and all that is ever asked of the tokens are the Gram matrices G = XXᵀ, K = XW(0)W(0)ᵀXᵀ, and for fresh tokens that of
W(0)W(0)ᵀx_a. After these are drawn nothing depends on d.
"""

from theorysim.attention.algorithm import AttentionGD
from theorysim.attention.draw import AttentionDraw, token_vectors
from theorysim.attention.problem import TokenSelection
from theorysim.attention.run import AttentionRun
from theorysim.attention.stages import AttentionTimes
from theorysim.attention.stepper import AttentionState

__all__ = [
    "AttentionDraw", "AttentionGD", "AttentionRun", "AttentionState", "AttentionTimes", "TokenSelection",
    "token_vectors",
]
