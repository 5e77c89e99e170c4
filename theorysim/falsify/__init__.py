"""The search for a run that contradicts a claim: at random, uphill, and down to the smallest that still does."""

from theorysim.falsify.counterexample import Counterexample
from theorysim.falsify.survived import Survived
from theorysim.falsify.verb import falsify

__all__ = ["Counterexample", "Survived", "falsify"]
