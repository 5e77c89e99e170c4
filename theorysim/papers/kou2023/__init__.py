"""Benign overfitting of ReLU networks (Kou et al. 2023)."""
