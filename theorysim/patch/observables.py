"""What is measured at every step: the columns of ``run.observables``, in the order kernels write them."""

OBSERVABLES = {
    "train_loss": "(1/n) Σ ℓ(ỹ_i f_i) against the observed labels, without the step's label noise",
    "train_accuracy": "share of samples with ỹ_i f_i > 0",
    "clean_accuracy": "the same over samples whose label was not flipped (NaN if there is none)",
    "noisy_accuracy": "the same over samples whose label was flipped before training (NaN if there is none)",
    "loss_derivative_min": "smallest −ℓ'(ỹ_i f_i) over samples",
    "loss_derivative_max": "largest −ℓ'(ỹ_i f_i) over samples",
    "output_min": "smallest ỹ_i f_i over samples",
    "output_max": "largest ỹ_i f_i over samples",
    "gamma_max": "largest γ_{j,r} over both branches and all filters",
    "gamma_min": "smallest γ_{j,r}",
    "rho_bar_max": "largest ρ̄_{j,r,i} (ρ where j = ỹ_i)",
    "rho_bar_max_clean": "the same over samples whose label was not flipped",
    "rho_bar_max_noisy": "the same over samples whose label was flipped",
    "rho_bar_min": "min over samples i of max over filters r of ρ̄_{j,r,i}: stage 1 ends when it passes its threshold",
    "rho_under_min": "smallest ρ̲_{j,r,i} (ρ where j = −ỹ_i)",
    "output_min_clean": "smallest ỹ_i f_i over samples whose label was not flipped",
    "output_max_noisy": "largest ỹ_i f_i over samples whose label was flipped",
    "rho_bar_active_min": "smallest ρ̄_{j,r,i} over samples and the filters that were active on their noise at the "
                          "start, ⟨w_{j,r}(0), ξ_i⟩ ≥ 0: Han et al. 2025 end stage 1 when it passes a threshold",
}
