"""Compiled code of the mean field: what stays fixed and what changes, the step, what is observed."""
