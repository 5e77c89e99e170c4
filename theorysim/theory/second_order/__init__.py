"""Label noise as a second-order effect: the law of the second stage of label-noise gradient descent. Derived.

Nothing here is in a paper. Gradient descent comes to rest; label noise then moves the signal at second order in the
step, by what the fluctuation of the pulls c = ες(−εf) leaves over. Notation, the same in every module:

    κ = ησ_p²d/(nm),  λ = η‖μ‖²/(nm) = κ·SNR²,  n_j samples in class j,  ς(u) = 1/(1 + e^{−u}),
    f_i = y_i f(x_i) = S + F_i, the signal part and the memory part,  Ψ = E[c] where outputs rest,  f* where they do.

- ``multipliers``: laws of ε, pulls, f*.
- ``limits``: where memory is killed, dies out, or was never there.
- ``memory``: Ψ by its series, a root, or the exact chain of ``chain``.
- ``takeover``: rates of the signal, the curve of S.
- ``starts`` and ``times``: T1 and T2 from explicit numbers.
- ``identity``: the identity along one path, and the most that a signal can grow by.
- ``error`` and ``error_times``: the test error, and when it is reached.
- ``setting``: the same of a problem, an algorithm, a draw or a run.

Time is counted in steps, outputs and logarithms have no unit. Every docstring says how far its formula was found to
hold.
"""

from theorysim.theory.second_order.chain import Stationary, stationary
from theorysim.theory.second_order.error import (
    closed_eigenvalue,
    memory_eigenvalue,
    minus_log_error,
    minus_log_error_expected,
)
from theorysim.theory.second_order.error_times import error_time, signal_reached
from theorysim.theory.second_order.identity import Growth, pathwise, signal_bound
from theorysim.theory.second_order.limits import (
    Phase,
    dead_share,
    extinct_flip_rate,
    growth_rate,
    growth_variance,
    kappa_at_once,
    kappa_critical,
    linear_psi,
    phase,
)
from theorysim.theory.second_order.memory import (
    at_rest,
    power_mean,
    psi,
    psi_leading,
    psi_root,
    psi_series,
    resting_product,
)
from theorysim.theory.second_order.multipliers import Multipliers
from theorysim.theory.second_order.setting import (
    Prediction,
    law_of,
    minus_log_error_of,
    pathwise_of,
    predicted,
    starts_of,
)
from theorysim.theory.second_order.starts import (
    ClassStart,
    class_start,
    expected_start,
    log_largest,
    log_memory,
    weakest_start,
)
from theorysim.theory.second_order.takeover import (
    signal_part,
    signal_rate,
    smoothing_slope,
    takeover_rate,
    takeover_time,
)
from theorysim.theory.second_order.times import (
    first_stage,
    first_stage_expected,
    first_stage_leading,
    memorized_by,
    second_stage,
    second_stage_expected,
    second_stage_leading,
    signal_time,
)

__all__ = [
    "ClassStart", "Growth", "Multipliers", "Phase", "Prediction", "Stationary", "at_rest", "class_start",
    "closed_eigenvalue", "dead_share", "error_time", "expected_start", "extinct_flip_rate", "first_stage",
    "first_stage_expected", "first_stage_leading", "growth_rate", "growth_variance", "kappa_at_once",
    "kappa_critical", "law_of", "linear_psi", "log_largest", "log_memory", "memorized_by", "memory_eigenvalue",
    "minus_log_error", "minus_log_error_expected", "minus_log_error_of", "pathwise", "pathwise_of", "phase",
    "power_mean", "predicted", "psi", "psi_leading", "psi_root", "psi_series", "resting_product", "second_stage",
    "second_stage_expected", "second_stage_leading", "signal_bound", "signal_part", "signal_rate", "signal_reached",
    "signal_time", "smoothing_slope", "starts_of", "stationary", "takeover_rate", "takeover_time", "weakest_start",
]
