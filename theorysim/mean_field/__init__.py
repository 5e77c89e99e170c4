"""The mean field of the patch network: what training becomes as d → ∞, at O(n) a step and with no fitted number."""

from theorysim.mean_field.draw import MeanFieldDraw
from theorysim.mean_field.problem import MeanField
from theorysim.mean_field.run import MeanFieldRun
from theorysim.mean_field.view import MeanFieldView

__all__ = ["MeanField", "MeanFieldDraw", "MeanFieldRun", "MeanFieldView"]
