"""Settings of the whole test suite: a throw-away kernel cache, strict arithmetic, fixed property tests."""

import atexit
import os
import shutil
import tempfile
from types import FunctionType

# Before anything imports numba: compiled kernels of a test run are not kept.
if "NUMBA_CACHE_DIR" not in os.environ:
    os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp(prefix="theorysim-kernels-")
    atexit.register(shutil.rmtree, os.environ["NUMBA_CACHE_DIR"], ignore_errors=True)
os.environ["MPLBACKEND"] = "Agg"

import numba  # noqa: E402
import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

settings.register_profile("suite", deadline=None, print_blob=True, derandomize=True, max_examples=60)
settings.register_profile("thorough", deadline=None, print_blob=True, max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


def pytest_make_parametrize_id(val: object) -> str | None:
    """A function in a table is called by its name: its address differs from one process to the next."""
    return val.__name__ if isinstance(val, FunctionType) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without compilation only the tests that finish in reasonable time are run."""
    if numba.config.DISABLE_JIT:
        long = [item for item in items if item.get_closest_marker("compiled")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if not item.get_closest_marker("compiled")]
