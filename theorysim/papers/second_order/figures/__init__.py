"""Studies of the second-order law: when the signal is learned, the test error, and Theorem 3.3 at one setting."""

from theorysim.papers.second_order.figures import error, fresh, instance, law
from theorysim.theory.paper import Figure

FIGURES = {
    "second-order-law": Figure(
        "when label noise learns the signal: exact runs, the second-order law, its mean field, the theorem", law.run),
    "second-order-fresh": Figure(
        "what must be true of that law and of the test error's, with what is allowed, on seeds of its own", fresh.run),
    "error-law": Figure("the test error as a rare event beside a law with no fitted number, over d/n", error.run),
    "theorem-3-3": Figure(
        "one setting with every item of Assumption 3.1 met, up to the time of Theorem 3.3 and beyond", instance.run),
}
