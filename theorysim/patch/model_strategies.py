"""Hypothesis strategies of data by law, and of fields that all drawn problems of the patch network have."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from theorysim.core.strategies import as_strategy, scales
from theorysim.patch.patch_laws import XOR, ConstantPatch, LongTail, Noise, PatchLaw, Signal, Spurious, Sum, Zero
from theorysim.patch.patch_model import PatchModel
from theorysim.patch.population import population


def powers() -> SearchStrategy[float]:
    """Powers q of the activation: those with a loop of their own in the kernel, others, and non-integers."""
    return st.sampled_from([1, 2, 3, 4, 1.5, 2.5, 3.25])


def flip_rates() -> SearchStrategy[float | tuple[float, float]]:
    """Values of ``label_flip``: none, one rate, or one for each class, certainty included."""
    rate = st.floats(0.0, 1.0)
    return st.just(0.0) | rate | st.tuples(rate, rate)


def biases() -> SearchStrategy[float]:
    """Values of ``bias``, of either sign and the size of the data; mostly none."""
    some = st.builds(lambda size, sign: sign * size, scales(-2, 0), st.sampled_from([1.0, -1.0]))
    return st.just(0.0) | st.just(0.0) | some


def norms() -> SearchStrategy[float]:
    """Strengths of features over three decades, none included."""
    return st.just(0.0) | scales(-2, 1)


def laws() -> SearchStrategy[PatchLaw]:
    """Single laws, each of a name of its own, but for noise that is shared by all patches that have it."""
    shares = st.lists(st.integers(0, 10), min_size=1, max_size=3).filter(any)
    tails = shares.flatmap(lambda parts: st.builds(
        LongTail, st.lists(norms(), min_size=len(parts), max_size=len(parts)).map(tuple),
        st.just(tuple(part / sum(parts) for part in parts))))
    return (
        st.builds(Signal, norms()) | st.builds(Noise, scales(-2, 1), st.booleans())
        | st.builds(Noise, scales(-2, 1), st.just(True), st.just("xi"))
        | st.builds(Spurious, norms(), st.floats(0.0, 1.0)) | st.builds(XOR, norms()) | tails
        | st.builds(ConstantPatch, norms()) | st.just(Zero())
    )


def patches() -> SearchStrategy[tuple[PatchLaw, ...]]:
    """One to four patches, some of them sums."""
    sums = st.lists(laws(), min_size=2, max_size=3).map(lambda parts: Sum(tuple(parts)))
    return st.lists(laws() | laws() | sums, min_size=1, max_size=4).map(tuple)


@st.composite
def patch_models(draw: st.DrawFn, /, **fields: Any) -> PatchModel:
    """Valid :class:`PatchModel` problems over all fields; any may be given as a value or a strategy of its own.

    Raises
    ------
    TypeError
        For what is not a field.
    """
    every: dict[str, SearchStrategy[Any]] = {
        "patches": patches(), "n": st.integers(1, 8), "d": st.integers(1, 40), "m": st.integers(1, 4),
        "init_std": st.just(0.0) | scales(-4, 0), "q": powers(), "label_flip": flip_rates(),
        "init_law": st.sampled_from(["normal", "normal", "uniform"]), "bias": biases(),
        "flip_law": st.sampled_from(["independent", "stratified"]),
    }
    if unknown := fields.keys() - every.keys():
        raise TypeError(f"{min(unknown)}: not a field of PatchModel")
    found = {name: draw(strategy) for name, strategy in
             (every | {name: as_strategy(value) for name, value in fields.items()}).items()}
    if "d" not in fields:
        found["d"] += len(population(tuple(found["patches"])).directions)
    return PatchModel(**found)
