"""Claims against runs: one statement against one run, a paper against runs over seeds, and the report of it."""

from theorysim.check.finding import Finding, Verdict, evaluate
from theorysim.check.report import CheckReport
from theorysim.check.verb import check

__all__ = ["CheckReport", "Finding", "Verdict", "check", "evaluate"]
