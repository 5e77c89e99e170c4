"""simulate() and resume(): same seed same numbers, whatever is recorded, chunked, stopped, interrupted or resumed."""

import hashlib
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_info, threadpool_limits

import theorysim as ts
from theorysim.core import blas, loop, recording
from theorysim.patch import stepper
from theorysim.patch.label_noise import BLOCK, noise_source
from theorysim.patch.observables import OBSERVABLES

Seen = Mapping[str, NDArray[np.float64]]

ENGINES = ("coefficients", "weights", "paired")
SEED = 3  # its labels are flipped for some samples and not for others
PLAIN = ts.GradientDescent(0.3)
NOISY = ts.GradientDescent(0.3, ts.Flip(0.2))
LAWS = {"none": None, "flip": ts.Flip(0.2), "gaussian": ts.Gaussian(1.0, 0.5), "uniform": ts.Uniform(-1.0, 2.0)}
PROBLEM = ts.SignalNoise(n=5, d=16, m=2, signal_norm=1.5, noise_std=0.4, init_std=0.1, label_flip=0.3)
ONE_STEP, EVERYTHING = 1e-9, 1e300  # work per chunk

every_engine = pytest.mark.parametrize("engine", ENGINES)


def patch_data() -> ts.PatchData:
    """Two patches a sample, one of them shared with the opposite sign."""
    rng = np.random.default_rng(0)
    patches, labels = rng.standard_normal((4, 2, 6)), np.array([1.0, -1.0, 1.0, -1.0])
    patches[:, 0] = labels[:, None] * patches[0, 0]
    return ts.PatchData.from_vectors(patches, labels, m=2, init_std=0.1, observed_labels=[1, -1, 1, 1])


def gram_data() -> ts.PatchData:
    """The same data, of which only the Gram matrix is known."""
    data = patch_data()
    return ts.PatchData.from_gram(data.gram, data.atom, data.sign, data.labels, m=2, init_std=0.1)


def run_of(steps: int, algorithm: ts.GradientDescent = NOISY, **options: Any) -> ts.Run:
    """A run of the problem above."""
    return ts.simulate(PROBLEM, algorithm, steps, SEED, **options)


def multipliers(law: Any, steps: int, n: int = PROBLEM.n, seed: int = SEED) -> NDArray[np.float64]:
    """The label noise of a seed, (steps, n)."""
    source = noise_source(law, n, 0, steps, None, seed)
    starts = range(0, steps, BLOCK)
    return np.concatenate([source.rows(start, min(start + BLOCK, steps)) for start in starts])


def assert_same_bits(one: NDArray[Any] | None, other: NDArray[Any] | None) -> None:
    """Two arrays agree in every bit, or there are none."""
    if one is None or other is None:
        assert one is other
        return
    np.testing.assert_array_equal(one, other)
    assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())


def assert_same_run(one: ts.Run, other: ts.Run) -> None:
    """Two runs hold the same numbers and ended the same way."""
    for name in ("rows", "steps_recorded", "coefficients", "inner", "weights"):
        assert_same_bits(getattr(one, name), getattr(other, name))
    assert (one.status, one.stopped_at, one.message) == (other.status, other.stopped_at, other.message)


def assert_begins(long: ts.Run, short: ts.Run) -> None:
    """The rows, and the coefficients at common records, of a run are the beginning of those of a longer one."""
    assert_same_bits(long.rows[: short.steps + 1], short.rows)
    common = np.intersect1d(long.steps_recorded, short.steps_recorded)
    assert 0 in common
    for step in common.tolist():
        assert_same_bits(long.coefficients[long.record(step)], short.coefficients[short.record(step)])


def digest(run: ts.Run) -> str:
    """What identifies the numbers of a run."""
    return hashlib.sha256(run.rows.tobytes() + run.coefficients.tobytes()).hexdigest()


def never(seen: Seen) -> NDArray[np.bool_]:
    """A condition that is never met."""
    return np.zeros(len(seen["train_loss"]), dtype=bool)


@pytest.fixture
def chunks(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], list[int]]:
    """Sets the work per chunk; returns a list to which the end of every chunk will be added."""
    ends: list[int] = []
    advance = loop._March._advance

    def counted(self: loop._March, stop: int) -> int | None:
        ends.append(stop)
        return advance(self, stop)

    def set_work(flops: float) -> list[int]:
        monkeypatch.setattr(stepper, "CHUNK_FLOPS", flops)
        ends.clear()
        return ends

    monkeypatch.setattr(loop._March, "_advance", counted)
    return set_work


@pytest.fixture
def overflow_allowed() -> Iterator[None]:
    """Kernels run as plain Python warn of an overflow; compiled ones cannot."""
    with np.errstate(all="ignore"):
        yield


class TestSeed:
    """Same seed, same numbers."""

    @every_engine
    @pytest.mark.parametrize("form", ["vectors", "wishart"])
    def test_same_seed_same_numbers(self, engine: str, form: str) -> None:
        """Two calls agree bit for bit, in either form."""
        assert_same_run(run_of(20, engine=engine, draw=form), run_of(20, engine=engine, draw=form))

    @pytest.mark.parametrize("make", [patch_data, gram_data])
    def test_same_seed_same_numbers_on_patches(self, make: Callable[[], ts.PatchData]) -> None:
        """Also where only the initial weights are drawn."""
        assert_same_run(ts.simulate(make(), NOISY, 20, SEED), ts.simulate(make(), NOISY, 20, SEED))

    @pytest.mark.parametrize("form", ["vectors", "wishart"])
    def test_different_seeds_differ(self, form: str) -> None:
        """In every part of the draw, in the label noise and hence in the run."""
        one, other = (ts.Draw.from_problem(PROBLEM.replace(n=40), seed, form) for seed in (SEED, SEED + 1))
        for name in ("labels", "observed_labels", "vectors", "weights"):
            assert (getattr(one, name) != getattr(other, name)).any(), name
        assert (multipliers(NOISY.label_noise, 20) != multipliers(NOISY.label_noise, 20, seed=SEED + 1)).any()
        assert digest(ts.simulate(PROBLEM, NOISY, 9, SEED)) != digest(ts.simulate(PROBLEM, NOISY, 9, SEED + 1))

    def test_labels_and_flips_are_the_same_in_both_forms(self) -> None:
        """They do not depend on how vectors are drawn."""
        problem = PROBLEM.replace(n=40, label_flip=(0.3, 0.1))
        vectors, wishart = (ts.Draw.from_problem(problem, SEED, form) for form in ("vectors", "wishart"))
        assert set(vectors.labels) == set(vectors.observed_labels) == {-1.0, 1.0}
        assert 0 < vectors.noisy.sum() < 40
        assert_same_bits(vectors.labels, wishart.labels)
        assert_same_bits(vectors.observed_labels, wishart.observed_labels)

    @pytest.mark.parametrize("form", ["vectors", "wishart"])
    @pytest.mark.parametrize("law", LAWS)
    def test_label_noise_is_the_same_in_both_forms(self, form: str, law: str) -> None:
        """Both forms see the multipliers that belong to the seed."""
        drawn = run_of(30, ts.GradientDescent(0.3, LAWS[law]), draw=form)
        given = run_of(30, PLAIN, draw=form, label_noise=multipliers(LAWS[law], 30))
        assert_same_run(drawn, given)

    def test_streams_do_not_disturb_each_other(self) -> None:
        """Wider networks, other dimensions and standard deviations leave labels, flips and noise directions alone."""
        one, other = (ts.Draw.from_problem(problem, SEED, "vectors") for problem in
                      (PROBLEM, PROBLEM.replace(m=7, signal_norm=3, init_std=1)))
        assert_same_bits(one.observed_labels, other.observed_labels)
        assert_same_bits(one.vectors[1:], other.vectors[1:])

    def test_the_form_chosen_by_itself_is_the_smaller_one(self) -> None:
        """Wishart from d − 1 = n + 2m on."""
        rows = PROBLEM.n + 2 * PROBLEM.m
        assert ts.Draw.from_problem(PROBLEM.replace(d=rows)).form == "vectors"
        assert ts.Draw.from_problem(PROBLEM.replace(d=rows + 1)).form == "wishart"

    def test_a_draw_made_beforehand_changes_nothing(self) -> None:
        """simulate draws what Draw.from_problem draws."""
        assert_same_run(run_of(20), run_of(20, draw=ts.Draw.from_problem(PROBLEM, SEED)))


class TestChunks:
    """How a run is cut into pieces of work changes no number."""

    @every_engine
    @pytest.mark.parametrize("algorithm", [PLAIN, NOISY], ids=["plain", "noisy"])
    def test_chunks_change_nothing(
        self, engine: str, algorithm: ts.GradientDescent, chunks: Callable[[float], list[int]]
    ) -> None:
        """One step at a time, or up to the next record: the same bits."""
        usual = run_of(40, algorithm, engine=engine, record_every=9)
        ends = chunks(ONE_STEP)
        assert_same_run(run_of(40, algorithm, engine=engine, record_every=9), usual)
        assert ends == list(range(1, 41))
        ends = chunks(EVERYTHING)
        assert_same_run(run_of(40, algorithm, engine=engine, record_every=9), usual)
        assert ends == [9, 18, 27, 36, 40]

    def test_chunks_end_with_the_block_of_label_noise(self, chunks: Callable[[float], list[int]]) -> None:
        """No chunk needs the multipliers of two blocks."""
        ends = chunks(EVERYTHING)
        run_of(BLOCK + 10, record_at=[])
        assert ends == [BLOCK, BLOCK + 10]

    def test_chunks_do_not_change_the_deviation(self, chunks: Callable[[float], list[int]]) -> None:
        """The deviation of the paired engine is a number of the run like others."""
        def deviations() -> list[float | None]:
            return [ts.simulate(PROBLEM, NOISY, 40, seed, engine="paired", record_every=9).deviation
                    for seed in range(10)]

        chunks(EVERYTHING)
        usual = deviations()
        chunks(ONE_STEP)
        assert deviations() == usual


class TestRecords:
    """What is kept, and that keeping it changes nothing."""

    @every_engine
    def test_records_change_nothing(self, engine: str) -> None:
        """Every spacing and choice of records finds the same numbers."""
        full = run_of(30, engine=engine, record_every=1)
        assert full.steps_recorded.tolist() == list(range(31))
        for options in ({"record_every": 7}, {"record_every": 1000}, {"record_at": [4, 29]}, {"record_at": []}):
            run = run_of(30, engine=engine, **options)
            assert_begins(full, run)
            assert_same_bits(full.inner, run.inner)
            assert_same_bits(full.weights, run.weights)

    @pytest.mark.parametrize(("options", "kept"), [
        ({"record_every": 1}, range(11)),
        ({"record_every": 4}, (0, 4, 8, 10)),
        ({"record_every": 5}, (0, 5, 10)),
        ({"record_every": 99}, (0, 10)),
        ({"record_at": []}, (0, 10)),
        ({"record_at": (7, 3, 7, 0)}, (0, 3, 7, 10)),
        ({"record_at": iter([9, 10])}, (0, 9, 10)),
        ({"record_at": np.arange(2, 5)}, (0, 2, 3, 4, 10)),
        ({}, range(11)),
    ])
    def test_records_are_those_asked_for(self, options: dict[str, Any], kept: tuple[int, ...]) -> None:
        """First and last step always, each step once, in order."""
        run = run_of(10, **options)
        assert run.steps_recorded.tolist() == list(kept)
        assert run.gamma.shape == (len(kept), 2, PROBLEM.m)
        assert run.rho.shape == (len(kept), 2, PROBLEM.m, PROBLEM.n)
        assert [run.record(step) for step in kept] == list(range(len(kept)))
        assert run.record("end") == run.record(10) == len(kept) - 1

    @pytest.mark.parametrize("steps", [0, 1, 99, 100, 101, 199, 650])
    def test_about_a_hundred_records_by_default(self, steps: int) -> None:
        """Evenly spaced; all steps of a short run."""
        kept = run_of(steps).steps_recorded
        assert min(steps + 1, 50) <= len(kept) <= 102
        assert (kept[0], kept[-1]) == (0, steps)
        assert len(np.unique(np.diff(kept[:-1]))) <= 1  # evenly spaced, but for the last

    def test_default_records_stay_within_the_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Large networks get fewer records; asking for more is refused."""
        bytes_each = 8 * 2 * PROBLEM.m * (PROBLEM.n + 1)
        monkeypatch.setattr(recording, "MAX_BYTES", 12 * bytes_each)
        run = run_of(200)
        assert 5 <= len(run.steps_recorded) <= 12
        with pytest.raises(ValueError, match="would keep 201 records"):
            run_of(200, record_every=1)

    def test_rows_are_there_for_every_step(self) -> None:
        """Whatever is recorded, observables have one row per step."""
        run = run_of(10, record_at=[])
        assert run.observables.shape == (11, len(OBSERVABLES))
        assert run.observables.index.tolist() == list(range(11))
        assert_same_bits(run.column("gamma_max"), run.observables["gamma_max"].to_numpy())

    def test_no_steps_at_all(self) -> None:
        """The initial state is a run too."""
        run = run_of(0, engine="paired")
        assert (run.steps, run.status, run.steps_recorded.tolist()) == (0, "completed", [0])
        assert not run.coefficients.any()
        assert_same_bits(run.weights, run.draw.weights)

    def test_timings_name_what_was_done(self) -> None:
        """Seconds spent to draw, compile and solve."""
        timings = run_of(5).timings
        assert set(timings) == {"draw", "compile", "solve"}
        assert all(seconds >= 0 for seconds in timings.values())


class TestResume:
    """A run in parts is the straight run."""

    @every_engine
    @pytest.mark.parametrize("first", [20, 33, 256, 290], ids=lambda first: f"seam{first}")
    def test_equals_the_straight_run(self, engine: str, first: int) -> None:
        """On and off the grid of records, before, at and after the end of a block of label noise."""
        straight = run_of(300, engine=engine, record_every=20)
        begun = run_of(first, engine=engine, record_every=20)
        whole = ts.resume(begun, 300 - first)
        assert begun.steps == first
        assert_same_run(whole, straight)
        assert (whole.steps, whole.record_every, whole.seed) == (300, 20, SEED)

    @pytest.mark.parametrize("law", LAWS)
    def test_with_every_law(self, law: str) -> None:
        """Across the end of a block, for every law of label noise."""
        algorithm = ts.GradientDescent(0.3, LAWS[law])
        straight = run_of(BLOCK + 5, algorithm, record_every=50)
        assert_same_run(ts.resume(run_of(BLOCK - 3, algorithm, record_every=50), 8), straight)

    @every_engine
    @pytest.mark.parametrize("make", [patch_data, gram_data])
    def test_on_patches(self, engine: str, make: Callable[[], ts.PatchData]) -> None:
        """Patch data, with and without vectors."""
        straight = ts.simulate(make(), NOISY, 50, SEED, engine=engine, record_every=10)
        begun = ts.simulate(make(), NOISY, 17, SEED, engine=engine, record_every=10)
        assert_same_run(ts.resume(begun, 33), straight)

    @every_engine
    def test_with_label_noise_given(self, engine: str) -> None:
        """The rows given to each part are those of its own steps."""
        given = np.random.default_rng(0).normal(1.0, 0.7, (50, PROBLEM.n))
        straight = run_of(50, PLAIN, engine=engine, record_every=10, label_noise=given)
        begun = run_of(13, PLAIN, engine=engine, record_every=10, label_noise=given[:13])
        assert_same_run(ts.resume(begun, 37, label_noise=given[13:]), straight)

    def test_label_noise_given_later(self) -> None:
        """The multipliers of a resumption belong to its own steps, drawn or given."""
        straight = run_of(50, record_every=10)
        given = multipliers(NOISY.label_noise, 50)
        assert_same_run(ts.resume(run_of(13, record_every=10), 37, label_noise=given[13:]), straight)

    @every_engine
    def test_twice(self, engine: str) -> None:
        """Three parts are one run."""
        straight = run_of(60, engine=engine, record_every=7)
        assert_same_run(ts.resume(ts.resume(run_of(11, engine=engine, record_every=7), 20), 29), straight)

    @every_engine
    @pytest.mark.parametrize("first", [20, 30])
    def test_after_saving(self, engine: str, first: int, tmp_path: Path) -> None:
        """A saved run goes on where it stopped, on the grid of records or off it."""
        run_of(first, engine=engine, record_every=20).save(tmp_path / "run.npz")
        straight = run_of(75, engine=engine, record_every=20)
        assert_same_run(ts.resume(ts.load_run(tmp_path / "run.npz"), 75 - first), straight)

    @pytest.mark.parametrize("first", [20, 30])
    def test_by_as_many_steps_again(self, first: int) -> None:
        """A second part of the same length is no special case."""
        straight = run_of(2 * first, record_every=20)
        assert_same_run(ts.resume(run_of(first, record_every=20), first), straight)

    @pytest.mark.parametrize("first", [0, 20, 30])
    def test_by_no_step(self, first: int) -> None:
        """Resuming by nothing returns the run."""
        begun = run_of(first, record_every=20)
        assert_same_run(ts.resume(begun, 0), begun)

    @pytest.mark.parametrize("first", [20, 30])
    def test_after_resuming_by_no_step(self, first: int) -> None:
        """A resumption that got nowhere, by a condition met at once, is no obstacle to the next."""
        stuck = ts.resume(run_of(first, record_every=20), 50, until=lambda seen: ~never(seen))
        assert (stuck.status, stuck.stopped_at) == ("stopped", first)
        assert_same_run(ts.resume(stuck, 75 - first), run_of(75, record_every=20))

    def test_default_records(self) -> None:
        """The spacing chosen for the first part stays."""
        straight, begun = run_of(300), run_of(150)
        whole = ts.resume(begun, 149)
        assert_same_bits(whole.rows, straight.rows[:300])
        assert whole.steps_recorded.tolist() == [*range(0, 299, 2), 299]

    def test_records_of_ones_own(self) -> None:
        """After record_at the end of every part is kept."""
        whole = ts.resume(run_of(30, record_at=[4, 11]), 25)
        assert whole.steps_recorded.tolist() == [0, 4, 11, 30, 55]
        assert_begins(run_of(55, record_every=1), whole)

    def test_the_first_part_is_left_alone(self) -> None:
        """A run is not changed by being resumed."""
        begun = run_of(30, engine="paired", record_every=7)
        before = pickle.loads(pickle.dumps(begun))
        ts.resume(begun, 20)
        assert_same_run(begun, before)

    def test_deviation_covers_all_parts(self) -> None:
        """It is the largest seen, not that of the last part."""
        begun = run_of(30, engine="paired")
        assert begun.deviation is not None
        longer = ts.resume(begun, 5)
        assert longer.deviation is not None
        assert longer.deviation >= begun.deviation > 0

    def test_seconds_add_up(self) -> None:
        """Time to solve is that of all parts."""
        begun = run_of(30)
        assert ts.resume(begun, 40).timings["solve"] > begun.timings["solve"]


class TestUntil:
    """A run stops at the first step that meets a condition."""

    @every_engine
    @pytest.mark.parametrize("work", [ONE_STEP, 3e3, EVERYTHING])
    @pytest.mark.parametrize("target", [1, 30, 270])
    def test_stops_at_the_first_such_step(
        self, engine: str, work: float, target: int, chunks: Callable[[float], list[int]]
    ) -> None:
        """Wherever chunks end, and with the numbers of the straight run up to there."""
        straight = run_of(300, engine=engine, record_every=50)
        level = straight.rows[:target + 1, 0].min()  # compared with ≤, so that a last bit would show
        first = int(np.argmax(straight.rows[:, 0] <= level))
        assert 0 < first <= target
        chunks(work)
        run = run_of(300, engine=engine, record_every=50, until=lambda seen: seen["train_loss"] <= level)
        assert (run.status, run.stopped_at, run.steps) == ("stopped", first, first)
        assert f"step {first}" in run.message
        assert_begins(straight, run)
        exact = run_of(first, engine=engine, record_every=50)
        assert_same_bits(run.coefficients, exact.coefficients)
        assert_same_bits(run.inner, exact.inner)
        assert_same_bits(run.weights, exact.weights)
        assert run.steps_recorded.tolist() == [*range(0, first, 50), first]

    def test_sees_all_observables_of_every_step_in_order(self, chunks: Callable[[float], list[int]]) -> None:
        """As columns of one length; looking changes nothing."""
        straight = run_of(20)
        seen_losses: dict[float, None] = {}

        def look(seen: Seen) -> NDArray[np.bool_]:
            assert set(seen) == {*OBSERVABLES, "step"}
            assert {len(column) for column in seen.values()} == {len(seen["train_loss"])}
            seen_losses.update(dict.fromkeys(seen["train_loss"].tolist()))
            return never(seen)

        chunks(3e3)
        assert_same_run(run_of(20, until=look), straight)
        assert list(seen_losses) == straight.rows[:, 0].tolist()

    def test_stops_at_once(self) -> None:
        """A condition that the initial state meets."""
        run = run_of(20, until=lambda seen: seen["train_loss"] > 0)
        assert (run.status, run.stopped_at, run.steps, run.steps_recorded.tolist()) == ("stopped", 0, 0, [0])

    def test_at_the_last_step(self) -> None:
        """A run that meets its condition in the end was stopped by it."""
        level = run_of(20, PLAIN).rows[-1, 0]
        run = run_of(20, PLAIN, until=lambda seen: seen["train_loss"] <= level)
        assert (run.status, run.stopped_at) == ("stopped", 20)

    @pytest.mark.parametrize("target", [7, 45, 57])
    def test_resume_after_stopping(self, target: int) -> None:
        """A stopped run goes on to what the straight run is."""
        level = run_of(target, PLAIN).rows[-1, 0]
        stopped = run_of(200, PLAIN, record_every=20, until=lambda seen: seen["train_loss"] <= level)
        assert stopped.steps == target
        assert_same_run(ts.resume(stopped, 99 - target), run_of(99, PLAIN, record_every=20))

    def test_resume_until(self, chunks: Callable[[float], list[int]]) -> None:
        """A condition holds a resumption as well."""
        straight = run_of(90, PLAIN, record_every=20)
        level = straight.rows[71, 0]
        for work in (ONE_STEP, EVERYTHING):
            chunks(work)
            begun = run_of(30, PLAIN, record_every=20)
            run = ts.resume(begun, 60, until=lambda seen: seen["train_loss"] <= level)
            assert (run.status, run.stopped_at, run.steps) == ("stopped", 71, 71)
            assert run.steps_recorded.tolist() == [0, 20, 40, 60, 71]
            assert_begins(straight, run)


@pytest.mark.usefixtures("overflow_allowed")
class TestDivergence:
    """An overflow stops the run where it happens; nothing infinite is returned."""

    EXPLOSIVE = (
        (PROBLEM.replace(q=3, init_std=0.3), ts.GradientDescent(3.0, ts.Flip(0.3))),
        (PROBLEM.replace(q=4, init_std=0.3), ts.GradientDescent(100.0, ts.Gaussian(1.0, 2.0))),
        (PROBLEM.replace(q=3), ts.GradientDescent(1e306)),
    )
    explosive = pytest.mark.parametrize(("problem", "algorithm"), EXPLOSIVE, ids=["slow", "fast", "at once"])

    def diverge(self, problem: ts.SignalNoise, algorithm: ts.GradientDescent, **options: Any) -> ts.Run:
        """A run that is going to diverge, returned when it has."""
        return ts.simulate(problem, algorithm, 400, SEED, **{"on_failure": "return", "record_every": 3} | options)

    def test_the_examples_diverge_at_different_times(self) -> None:
        """Late and inside a chunk, soon, and at the first step."""
        late, soon, at_once = (self.diverge(*example).stopped_at for example in self.EXPLOSIVE)
        assert late is not None and soon is not None
        assert late > 6 and 2 < soon < late and at_once == 1

    @explosive
    @every_engine
    @pytest.mark.parametrize("work", [ONE_STEP, EVERYTHING])
    def test_everything_kept_is_finite(
        self, problem: ts.SignalNoise, algorithm: ts.GradientDescent, engine: str, work: float,
        chunks: Callable[[float], list[int]],
    ) -> None:
        """Observables, coefficients and weights, up to the last finite step."""
        chunks(work)
        run = self.diverge(problem, algorithm, engine=engine)
        assert run.status == ts.Status.DIVERGED
        assert run.stopped_at == run.steps + 1 < 400
        assert 0 < run.draw.noisy.sum() < problem.n  # so that no column is NaN by definition
        for array in (run.rows, run.coefficients, run.inner, run.gamma, run.rho):
            assert np.isfinite(array).all()
        assert run.weights is None or np.isfinite(run.weights).all()
        assert run.steps_recorded[-1] == run.steps

    @explosive
    @every_engine
    @pytest.mark.parametrize("work", [ONE_STEP, EVERYTHING])
    def test_everything_before_equals_the_shorter_run(
        self, problem: ts.SignalNoise, algorithm: ts.GradientDescent, engine: str, work: float,
        chunks: Callable[[float], list[int]],
    ) -> None:
        """The run is that of one step fewer than it took to overflow."""
        straight = ts.simulate(problem, algorithm, self.diverge(problem, algorithm).steps, SEED, engine=engine,
                               record_every=3)
        chunks(work)
        run = self.diverge(problem, algorithm, engine=engine)
        assert straight.status == "completed"
        for name in ("rows", "steps_recorded", "coefficients", "inner", "weights"):
            assert_same_bits(getattr(run, name), getattr(straight, name))

    @explosive
    def test_the_message_says_what_to_lower(self, problem: ts.SignalNoise, algorithm: ts.GradientDescent) -> None:
        """With the values in force."""
        run = self.diverge(problem, algorithm)
        assert f"step {run.stopped_at}" in run.message
        for remedy in (f"lower lr (now {algorithm.lr:g})", f"init_std={problem.init_std:g}", f"q={problem.q:g}"):
            assert remedy in run.message

    @explosive
    def test_it_is_raised_with_the_run(self, problem: ts.SignalNoise, algorithm: ts.GradientDescent) -> None:
        """By default; the error carries what would have been returned."""
        with pytest.raises(ts.DivergenceError, match="lower lr") as caught:
            self.diverge(problem, algorithm, on_failure="raise")
        assert str(caught.value) == caught.value.run.message
        assert_same_run(caught.value.run, self.diverge(problem, algorithm))

    def test_the_error_travels_between_processes(self) -> None:
        """Parallel work hands errors on by pickling them."""
        with pytest.raises(ts.DivergenceError) as caught:
            self.diverge(*self.EXPLOSIVE[1], on_failure="raise")
        copy = pickle.loads(pickle.dumps(caught.value))
        assert str(copy) == str(caught.value)
        assert_same_run(copy.run, caught.value.run)

    @explosive
    def test_a_lower_learning_rate_helps(self, problem: ts.SignalNoise, algorithm: ts.GradientDescent) -> None:
        """As the message says."""
        assert ts.simulate(problem, ts.GradientDescent(1e-3, algorithm.label_noise), 50, SEED).status == "completed"

    @pytest.mark.parametrize("first", [4, 6])
    def test_in_a_resumption(self, first: int) -> None:
        """As if it were one run."""
        problem, algorithm = self.EXPLOSIVE[0]
        straight = self.diverge(problem, algorithm)
        begun = ts.simulate(problem, algorithm, first, SEED, record_every=3)
        assert_same_run(ts.resume(begun, 300, on_failure="return"), straight)
        with pytest.raises(ts.DivergenceError) as caught:
            ts.resume(begun, 300)
        assert_same_run(caught.value.run, straight)

    def test_at_the_first_step_of_a_resumption(self) -> None:
        """A second part that makes no step at all loses nothing of the first."""
        problem, algorithm = self.EXPLOSIVE[0]
        straight = self.diverge(problem, algorithm, record_every=1000)
        begun = ts.simulate(problem, algorithm, straight.steps, SEED, record_every=1000)
        assert_same_run(ts.resume(begun, 300, on_failure="return"), straight)

    def test_a_condition_met_before_comes_first(self, chunks: Callable[[float], list[int]]) -> None:
        """The run stops there and does not diverge."""
        problem, algorithm = self.EXPLOSIVE[0]
        losses = self.diverge(problem, algorithm).rows[:, 0]
        for work in (ONE_STEP, EVERYTHING):
            chunks(work)
            run = self.diverge(problem, algorithm, record_at=[], record_every=None,
                               until=lambda seen: seen["train_loss"] == losses[4])
            assert (run.status, run.stopped_at, run.steps) == ("stopped", 4, 4)

    def test_a_condition_met_too_late_does_not_count(self) -> None:
        """The step that overflowed is not shown to the condition."""
        problem, algorithm = self.EXPLOSIVE[0]
        run = self.diverge(problem, algorithm, record_every=1000, until=lambda seen: ~np.isfinite(seen["train_loss"]))
        assert run.status == "diverged"


@every_engine
@pytest.mark.compiled
def test_divergence_is_silent(engine: str, capfd: pytest.CaptureFixture[str]) -> None:
    """No warning (warnings are errors here) and no output, even where the explicit weights overflow themselves."""
    for lr in (1e100, 1e200, 1e300, 1e308):
        run = ts.simulate(PROBLEM.replace(q=4), ts.GradientDescent(lr), 9, SEED, engine=engine, on_failure="return")
        assert run.status == "diverged"
    assert capfd.readouterr() == ("", "")


class TestInterrupts:
    """Ctrl-C loses nothing."""

    @pytest.fixture
    def handler(self) -> Iterator[Callable[[int, FrameType | None], None]]:
        """A handler of one's own, in place before the run."""
        def mine(_signal: int, _frame: FrameType | None) -> None:
            raise AssertionError("the signal reached the handler that was there before the run")

        before = signal.signal(signal.SIGINT, mine)
        yield mine
        signal.signal(signal.SIGINT, before)

    @staticmethod
    def pressing(at_call: int, times: int = 1) -> Callable[[Seen], NDArray[np.bool_]]:
        """A condition, never met, whose call number `at_call` presses Ctrl-C."""
        calls = 0

        def press(seen: Seen) -> NDArray[np.bool_]:
            nonlocal calls
            calls += 1
            if calls == at_call:
                for _ in range(times):
                    signal.raise_signal(signal.SIGINT)
            return never(seen)

        return press

    @every_engine
    @pytest.mark.parametrize("at_call", [1, 2, 30, 71])
    def test_what_was_done_is_kept_and_resumed(
        self, engine: str, at_call: int, handler: Callable[[int, FrameType | None], None],
        chunks: Callable[[float], list[int]],
    ) -> None:
        """At the start, between and just before records."""
        straight = run_of(90, engine=engine, record_every=20)
        chunks(ONE_STEP)
        run = run_of(90, engine=engine, record_every=20, until=self.pressing(at_call))
        assert run.status == ts.Status.INTERRUPTED
        assert run.stopped_at == run.steps == at_call - 1  # one call a step, and one before the first
        assert "resume" in run.message
        assert_begins(straight, run)
        assert signal.getsignal(signal.SIGINT) is handler
        assert_same_run(ts.resume(run, 90 - run.steps), straight)

    @pytest.mark.parametrize("at_call", [1, 2, 30])
    def test_in_a_resumption(
        self, at_call: int, handler: Callable[[int, FrameType | None], None], chunks: Callable[[float], list[int]]
    ) -> None:
        """Also before its first step, and off the grid of records."""
        straight = run_of(90, record_every=20)
        chunks(ONE_STEP)
        run = ts.resume(run_of(33, record_every=20), 57, until=self.pressing(at_call))
        assert (run.status, run.steps) == ("interrupted", 32 + at_call)
        assert run.steps_recorded[-1] == run.steps
        assert signal.getsignal(signal.SIGINT) is handler
        assert_same_run(ts.resume(run, 90 - run.steps), straight)

    def test_at_the_end_comes_too_late(self, handler: Callable[[int, FrameType | None], None]) -> None:
        """A run whose last step is made is complete."""
        run = run_of(5, record_at=[], until=self.pressing(3))
        assert run.status == "completed"
        assert signal.getsignal(signal.SIGINT) is handler

    def test_twice_stops_at_once(self, handler: Callable[[int, FrameType | None], None]) -> None:
        """A second Ctrl-C is the usual one."""
        with pytest.raises(KeyboardInterrupt):
            run_of(50, until=self.pressing(2, times=2))
        assert signal.getsignal(signal.SIGINT) is handler

    def test_the_handler_is_restored_after_errors(self, handler: Callable[[int, FrameType | None], None]) -> None:
        """Also when the condition itself fails."""
        with pytest.raises(ZeroDivisionError):
            run_of(50, until=lambda seen: 1 / 0)
        assert signal.getsignal(signal.SIGINT) is handler

    def test_a_real_signal(self, handler: Callable[[int, FrameType | None], None]) -> None:
        """From another thread, at any moment of a run that would take far longer."""
        timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))

        def start_timer(seen: Seen) -> NDArray[np.bool_]:
            if timer.ident is None:
                timer.start()
            return never(seen)

        run = run_of(2_000_000, record_every=1000, until=start_timer)
        timer.join()
        assert run.status == "interrupted"
        assert run.stopped_at == run.steps < 2_000_000
        assert signal.getsignal(signal.SIGINT) is handler
        assert_same_run(ts.resume(run, 77), run_of(run.steps + 77, record_every=1000))


class TestOutput:
    """Nothing is printed unless asked."""

    @every_engine
    def test_nothing_is_printed(self, engine: str, capfd: pytest.CaptureFixture[str]) -> None:
        """By no engine, in neither part."""
        ts.resume(run_of(20, engine=engine), 20)
        assert capfd.readouterr() == ("", "")

    def test_a_bar_on_request(self, capfd: pytest.CaptureFixture[str]) -> None:
        """On stderr, counting steps to the end, whatever the chunks."""
        silent = run_of(40, record_every=15)
        shown = run_of(40, record_every=15, progress=True)
        printed = capfd.readouterr()
        assert printed.out == ""
        assert "simulate" in printed.err and "40/40" in printed.err and "step" in printed.err
        assert_same_run(shown, silent)

    def test_a_bar_for_the_rest(self, capfd: pytest.CaptureFixture[str]) -> None:
        """A resumption counts its own steps."""
        ts.resume(run_of(20), 30, progress=True)
        assert "30/30" in capfd.readouterr().err


SCRIPT = """
import hashlib
import numpy as np
import theorysim as ts
from theorysim.patch import risk

def show(name, *arrays):
    print(name, hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest())

problem = ts.SignalNoise(n=300, d=1000, m=40, signal_norm=2.0, noise_std=0.5, init_std=0.05, label_flip=0.1)
algorithm = ts.GradientDescent(0.5, ts.Flip(0.2))
for form in ("vectors", "wishart"):
    run = ts.simulate(problem, algorithm, 2, seed=5, draw=form)
    show(form + "-simulate", run.rows, run.coefficients)
    show(form + "-outputs", run.outputs())
    draw = ts.Draw.from_problem(problem, 5, form)
    show(form + "-draw", draw.gram, draw.inner)
    given = ts.simulate(problem, algorithm, 2, seed=5, draw=draw)
    show(form + "-simulate-on-draw", given.rows, given.coefficients)
    show(form + "-covariance", risk.noise_covariance(run))
    show(form + "-test-error", np.array([run.test_error(method="monte-carlo", n_test=500).value]))
run = ts.simulate(problem, algorithm, 2, seed=5, draw="vectors")
show("reconstruct", ts.reconstruct(run))
show("predict", run.predict(np.random.default_rng(0).standard_normal((50, 2, 1000))))
patches = np.random.default_rng(0).standard_normal((301, 1, 1000))
data = ts.PatchData.from_vectors(patches, np.ones(301), m=5, init_std=0.1)
show("patches", data.gram)
show("patches-simulate", ts.simulate(data, algorithm, 2).rows)
whole = np.random.default_rng(0).integers(-2, 3, (301, 400)).astype(float)  # their products are exact
known = ts.PatchData.from_gram(whole @ whole.T, data.atom, data.sign, data.labels, m=5, init_std=0.01)
show("gram-draw", ts.Draw.from_problem(known).vectors)
"""
SHOWN = (
    *(f"{form}-{what}" for form in ("vectors", "wishart")
      for what in ("simulate", "outputs", "draw", "simulate-on-draw", "covariance", "test-error")),
    "reconstruct", "predict", "patches", "patches-simulate", "gram-draw",
)


@pytest.fixture(scope="module")
def processes() -> list[dict[str, str]]:
    """The digests of two fresh processes, one with a single thread and one with two."""
    path = {"PYTHONPATH": str(Path(ts.__file__).parents[1])}
    threads = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    started = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", SCRIPT], stdout=subprocess.PIPE, text=True,
            env=os.environ | path | dict.fromkeys(threads, str(count)) | {"PYTHONHASHSEED": str(count)},
        )
        for count in (1, 2)
    ]
    outputs = [process.communicate(timeout=120)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    return [dict(line.split() for line in output.splitlines()) for output in outputs]


@pytest.mark.parametrize("name", SHOWN)
def test_a_seed_reproduces_across_processes_and_threads(processes: list[dict[str, str]], name: str) -> None:
    """The same bits in two fresh processes, whatever the number of threads."""
    one, two = processes
    assert one[name] == two[name]


@pytest.mark.parametrize("form", ["vectors", "wishart"])
def test_making_the_draw_beforehand_changes_nothing(processes: list[dict[str, str]], form: str) -> None:
    """Whatever the number of threads in which it is made."""
    for shown in processes:
        assert shown[f"{form}-simulate"] == shown[f"{form}-simulate-on-draw"]


class TestThreads:
    """Runs in other threads, and beside each other."""

    def test_outside_the_main_thread(self) -> None:
        """Where signals cannot be handled."""
        with ThreadPoolExecutor(1) as pool:
            assert_same_run(pool.submit(run_of, 30).result(), run_of(30))

    def test_beside_each_other(self) -> None:
        """Runs in several threads disturb no other."""
        with ThreadPoolExecutor(4) as pool:
            runs = list(pool.map(lambda _: run_of(300, engine="paired"), range(8)))
        for run in runs:
            assert_same_run(run, run_of(300, engine="paired"))

    def test_overlapping_runs_keep_blas_single_threaded(self) -> None:
        """The first of two runs to end leaves the other its single thread, the last restores the setting."""
        def threads() -> set[int]:
            return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

        with blas.single_threaded():  # all libraries are loaded before they are counted
            pass
        with threadpool_limits(2, user_api="blas"):
            setting = threads()
            first, second = blas.single_threaded(), blas.single_threaded()
            first.__enter__()
            second.__enter__()
            assert threads() == {1}
            first.__exit__(None, None, None)
            left_alone = threads()
            second.__exit__(None, None, None)
            assert left_alone == {1}
            assert threads() == setting


@every_engine
def test_no_array_grows_with_the_dimension(engine: str) -> None:
    """A Wishart run in dimension 10⁹ holds nothing beyond the coordinates its vectors occupy."""
    problem = PROBLEM.replace(d=10**9, noise_std=1e-4)
    run = ts.simulate(problem, NOISY, 20, SEED, engine=engine)
    run.test_error(method="monte-carlo", n_test=100)
    assert run.status == "completed"
    assert run.draw.form == "wishart"
    limit = (problem.n + 2 * problem.m + 1) ** 2
    arrays = {name: value for name, value in vars(run.draw).items() if isinstance(value, np.ndarray)}
    assert {"gram", "vectors", "weights", "inner"} <= set(arrays)
    held = [*arrays.values(), run.inner, run.coefficients[0], *([] if run.weights is None else [run.weights])]
    assert max(array.size for array in held) <= limit


def test_a_run_given_its_label_noise_wants_more_of_it() -> None:
    """It must not silently go on with multipliers drawn from the seed."""
    problem = ts.SignalNoise(n=4, d=50, m=2, signal_norm=1.0, noise_std=0.5, init_std=0.01)
    algorithm = ts.GradientDescent(0.5, ts.Flip(0.2))
    run = ts.simulate(problem, algorithm, 10, label_noise=np.ones((10, 4)))
    with pytest.raises(ValueError, match=r"label_noise=None: .* \(3, 4\) more"):
        ts.resume(run, 3)
    longer = ts.resume(run, 3, label_noise=-np.ones((3, 4)))
    straight = ts.simulate(problem, algorithm, 13, label_noise=np.repeat([1.0, -1.0], [10, 3])[:, None] * np.ones(4))
    assert longer.inner.tobytes() == straight.inner.tobytes()
    assert longer.given_label_noise


def test_resume_keeps_the_records_asked_for() -> None:
    """An interrupted run that kept chosen steps can be asked for the rest of them."""
    problem = ts.SignalNoise(n=4, d=50, m=2, signal_norm=1.0, noise_std=0.5, init_std=0.01)
    run = ts.simulate(problem, ts.GradientDescent(0.5), 10, record_at=[4])
    assert ts.resume(run, 10, record_at=[13]).steps_recorded.tolist() == [0, 4, 10, 13, 20]
    assert ts.resume(run, 10, record_every=6).steps_recorded.tolist() == [0, 4, 10, 12, 18, 20]
    assert ts.resume(run, 10).steps_recorded.tolist() == [0, 4, 10, 20]
    with pytest.raises(ValueError, match=r"record_at=3: must be an integer in \[10, 20\]"):
        ts.resume(run, 10, record_at=[3])


@pytest.mark.parametrize("precision", ["double", "single"])
def test_observing_outputs_only(precision: str) -> None:
    """The same run bit for bit; coefficients are observed at its end, and not in between."""
    problem = ts.SignalNoise(n=20, d=200, m=4, signal_norm=2.0, noise_std=0.5, init_std=0.01, label_flip=0.2)
    algorithm = ts.GradientDescent(0.5, ts.Flip(0.1))
    full, lean = (
        ts.simulate(problem, algorithm, 300, seed=3, record_every=50, precision=precision, observe=observe)
        for observe in ("all", "outputs")
    )
    np.testing.assert_array_equal(full.coefficients, lean.coefficients)
    np.testing.assert_array_equal(full.inner, lean.inner)
    np.testing.assert_array_equal(full.rows[-1], lean.rows[-1])
    seen = ~np.isnan(lean.rows)
    np.testing.assert_array_equal(full.rows[seen], lean.rows[seen])
    of_outputs = [name for name in full.observables if not name.startswith(("gamma", "rho"))]
    np.testing.assert_array_equal(full.observables[of_outputs], lean.observables[of_outputs])
    assert np.isnan(lean.column("gamma_max")[1:50]).all() and not np.isnan(full.column("gamma_max")).any()


@pytest.mark.parametrize("given", [
    {"until": lambda seen: seen["train_loss"] < 0}, {"policy": ts.EarlyStopping(3)}, {"observe": "nothing"},
])
def test_observing_outputs_only_is_refused(given: dict[str, Any]) -> None:
    """Where something looks at every step."""
    problem = ts.SignalNoise(n=5, d=20, m=2, signal_norm=1.0, noise_std=1.0, init_std=0.1)
    with pytest.raises(ValueError, match="observe="):
        ts.simulate(problem, ts.GradientDescent(0.1), 5, **{"observe": "outputs"} | given)
