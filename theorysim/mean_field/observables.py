"""What is measured at every step: the columns of ``run.observables``, in the order kernels write them."""

from theorysim.patch.observables import OBSERVABLES

MEAN_FIELD_OBSERVABLES = OBSERVABLES | {
    "signal_plus": "S_+, what the filters vote for the class on the signal patch of a positive sample",
    "signal_minus": "S_−, the same of a negative sample",
    "memory_plus": "mean over samples with observed label +1 of F_i, what their own branch votes on their noise "
                   "(NaN if there is none)",
    "memory_minus": "the same over samples with observed label −1",
    "memory_alive": "share of samples with an active filter of their own branch on their noise",
}
