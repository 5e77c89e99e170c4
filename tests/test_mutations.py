"""Every statement of every paper can fail: made wrong in the run or in its formula, its verdict turns."""

import pytest

import mutations
from mutations import AS_THEY_STAND, NEGATIVE, NEVER, NOT_COMPARED, REMOVED, TOO_LOOSE, TURNED, VIOLATED, tried
from theorysim.theory.paper import papers

pytestmark = pytest.mark.compiled
EVERY = sorted({one.id for paper in papers().values() for one in paper.statements})
# No run of the tests is inside the regime of these and reaches them: they are turned with the conditions removed.
OUTSIDE_ONLY = {
    f"huang2025.{name}" for name in (
        # which ask for some 15,000 samples, for d from 10²⁰ on, or for few flips at outputs that few flips exclude
        "lemma_e_1", "lemma_e_1.main_text", "lemma_4_4.gamma.explicit_lower", "lemma_e_3", "lemma_e_3.appendix",
        "lemma_4_5.ii", "lemma_4_5.t2", "lemma_4_5.growth", "lemma_4_5.growth.proof",
        # which are violated inside
        "lemma_4_4.gamma", "lemma_4_5.output.upper", "lemma_4_5.output.main_text.upper",
        # whose own conditions, or whose time, no run inside comes to
        "lemma_4_5.supermartingale.paper", "lemma_4_5.supermartingale.thread", "theorem_3_3.t2",
        "theorem_3_3.train_loss", "theorem_3_3.test_error", "theorem_3_3.t.train_loss", "theorem_3_3.t.test_error")
} | {
    f"zhang2026.{name}" for name in (  # Condition 1 asks for a learning rate below every double
        "theorem_2", "theorem_2.outside", "lemma_3.shrinking", "lemma_3.shrinking_fast", "lemma_3.growing",
        "lemma_4.exists", "lemma_5.printed", "lemma_5.printed_median", "lemma_6.error", "lemma_6.cosine")
} | {"zhang2026.derived.lemma_5_repaired"}


def test_every_statement_is_tried() -> None:
    """Those of papers that come later, too."""
    assert sorted(one.statement for one in tried()) == EVERY


@pytest.mark.parametrize("statement", EVERY)
def test_something_turns_it(statement: str) -> None:
    """From holds to violated; what is violated wherever it is compared need not be turned."""
    found = next(one for one in tried() if one.statement == statement)
    assert found.by or (found.where == VIOLATED and statement in AS_THEY_STAND) or statement in NOT_COMPARED


def test_those_that_no_small_mutation_turns_are_listed() -> None:
    """Neither a wrong sign of γ or ρ, nor a factor of 2, nor another exponent: exactly these, each with a reason."""
    loose = {one.statement for one in tried() if one.by and not set(one.by) - {TURNED, NEGATIVE}}
    assert loose == set(TOO_LOOSE)
    assert {one.statement for one in tried() if one.where == VIOLATED} == set(AS_THEY_STAND)
    assert {one.statement for one in tried() if one.where == NEVER} == set(NOT_COMPARED)
    assert {one.statement for one in tried() if one.where == REMOVED} == OUTSIDE_ONLY


@pytest.mark.parametrize("side", ["clean", "noisy"])
def test_outputs_with_the_wrong_sign_of_gamma(side: str) -> None:
    """Lemma 5.1 of Han et al. fails when every γ has the wrong sign, and when every ρ has."""
    found = next(one for one in tried() if one.statement == f"han2025.lemma_5_1.{side}")
    assert found.where == mutations.INSIDE_REGIME
    assert {"γ reported as −γ", "ρ reported as −ρ"} <= set(found.by)


def test_the_page_is_up_to_date() -> None:
    """docs/measured/mutations.md, written by tests/mutations.py."""
    assert mutations.PAGE.read_text(encoding="utf-8") == mutations.page()
