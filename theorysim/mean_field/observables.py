"""What is measured at every step: the columns of ``run.observables``, in the order kernels write them."""

from theorysim.patch.observables import OBSERVABLES

AS_EXACT = (
    "train_loss", "train_accuracy", "clean_accuracy", "noisy_accuracy", "loss_derivative_min", "loss_derivative_max",
    "output_min", "output_max", "gamma_max", "gamma_min", "rho_bar_max", "rho_bar_max_clean", "rho_bar_max_noisy",
    "rho_bar_min", "rho_under_min", "output_min_clean", "output_max_noisy", "rho_bar_active_min",
)
MEAN_FIELD_OBSERVABLES = {name: OBSERVABLES[name] for name in AS_EXACT} | {
    "signal_plus": "S_+, what the filters vote for the class on the signal patch of a positive sample",
    "signal_minus": "S_−, the same of a negative sample",
    "memory_plus": "mean over samples with observed label +1 of F_i, what their own branch votes on their noise "
                   "(NaN if there is none)",
    "memory_minus": "the same over samples with observed label −1",
    "memory_alive": "share of samples with an active filter of their own branch on their noise",
}
