"""One offline HTML file of what was computed: ``verb`` writes it, the other files say what is on it."""

from theorysim.report.verb import report

__all__ = ["report"]
