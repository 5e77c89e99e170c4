"""Studies of the second-order law: its time, the test error, Theorem 3.3, where it ends, and the best noise."""

from theorysim.papers.second_order.figures import best, error, fresh, instance, law, transition
from theorysim.theory.paper import Figure

FIGURES = {
    "second-order-law": Figure(
        "when label noise learns the signal: exact runs, the second-order law, its mean field, the theorem", law.run),
    "second-order-fresh": Figure(
        "what must be true of that law and of the test error's, with what is allowed, on seeds of its own", fresh.run),
    "error-law": Figure("the test error as a rare event beside a law with no fitted number, over d/n", error.run),
    "theorem-3-3": Figure(
        "one setting with every item of Assumption 3.1 met, up to the time of Theorem 3.3 and beyond", instance.run),
    "label-noise-transition": Figure(
        "where the law ends: memory killed and reborn beyond κ = ½, extinct, and SNR through 1", transition.run),
    "best-noise": Figure(
        "which step, flips, law of ε and schedule reach a test error or a training loss first", best.run),
}
