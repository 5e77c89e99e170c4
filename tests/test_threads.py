"""Products on several cores: opt-in, remembered by the run, and never where others rely on one."""

import threading
from pathlib import Path

import numpy as np
import pytest

import theorysim as ts
from theorysim.core import blas

PROBLEM = ts.SignalNoise(n=300, d=2000, m=10, signal_norm=2.0, noise_std=0.5, init_std=0.01)
ALGORITHM = ts.GradientDescent(1.0, ts.Flip(0.1))


def test_a_run_remembers_its_threads(tmp_path: Path) -> None:
    """The same numbers again with as many, across a file and a resumption; of one thread to rounding."""
    run = ts.simulate(PROBLEM, ALGORITHM, 30, threads=2)
    run.save(tmp_path / "run.npz")
    longer = ts.resume(ts.load_run(tmp_path / "run.npz"), 10)
    straight = ts.simulate(PROBLEM, ALGORITHM, 40, threads=2)
    assert longer.threads == straight.threads == 2
    np.testing.assert_array_equal(longer.inner, straight.inner)
    np.testing.assert_array_equal(ts.again(run, record_at=[7]).coefficients[-1], run.coefficients[-1])
    np.testing.assert_allclose(straight.inner, ts.simulate(PROBLEM, ALGORITHM, 40).inner, rtol=1e-9, atol=1e-12)


def test_inside_there_are_as_many_and_then_one_again() -> None:
    """For one thread nothing is touched."""
    def limits() -> set[int]:
        return {one["num_threads"] for one in blas._controller().info() if one["user_api"] == "blas"}

    with blas.single_threaded():
        with blas.threads(2):
            assert limits() == {2}
        assert limits() == {1}
        with blas.threads(1):
            assert limits() == {1}


def test_refused_while_others_rely_on_one() -> None:
    """Another simulation of the process, and sweeps, which have no such keyword."""
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with blas.single_threaded():
            inside.set()
            leave.wait(60)

    worker = threading.Thread(target=other)
    worker.start()
    inside.wait(60)
    try:
        with pytest.raises(RuntimeError, match="threads=2: must be 1 while other simulations run"):
            ts.simulate(PROBLEM, ALGORITHM, 2, threads=2)
    finally:
        leave.set()
        worker.join()
    with pytest.raises(TypeError, match="threads"):
        ts.sweep(PROBLEM, grid={"n": [300]}, algorithms={"GD": ALGORITHM}, steps=2, seeds=1, threads=2)


@pytest.mark.parametrize(("threads", "error"), [
    (0, ValueError), (1.5, ValueError), (2000, ValueError), ("2", TypeError)])
def test_bad_input(threads: object, error: type[Exception]) -> None:
    """Named, with what is allowed."""
    with pytest.raises(error, match=f"threads={threads!r}: must be an integer"):
        ts.simulate(PROBLEM, ALGORITHM, 2, threads=threads)  # type: ignore[call-overload]
