"""A signal-noise problem given by SNR, n·SNR², d/n² or initial scale in place of a field."""

import copy
import dataclasses
import inspect
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import theorysim as ts
from theorysim.patch.derived import IN_PLACE
from theorysim.patch.problem import REQUIRED

REST: dict[str, Any] = {"n": 30, "m": 4, "noise_std": 0.3}
PLAIN: dict[str, Any] = REST | {"d": 900, "signal_norm": 2.0, "init_std": 0.01}
CLASSES = pytest.mark.parametrize("kind", [ts.SignalNoise, ts.MeanField])


def without(*names: str, **more: Any) -> dict[str, Any]:
    """The plain arguments less some, and others."""
    return {name: value for name, value in PLAIN.items() if name not in names} | more


@CLASSES
@pytest.mark.parametrize(("left", "number", "wanted"), [
    ("signal_norm", {"snr": 0.2}, {"signal_norm": 0.2 * 0.3 * 30}),
    ("signal_norm", {"n_snr2": 1.2}, {"signal_norm": 0.2 * 0.3 * 30}),
    ("d", {"d_over_n2": 2.0}, {"d": 1800}),
    ("d", {"d_over_n2": 1.0004}, {"d": 900}),
    ("init_std", {"init_scale": 0.09}, {"init_std": 0.01}),
])
def test_a_number_in_place_of_a_field(kind: Any, left: str, number: dict[str, float], wanted: dict[str, float]) -> None:
    """The field that the formula gives; the number comes out as it was asked for; the rest as it is."""
    problem = kind(**without(left, **number))
    assert type(problem) is kind
    for name, value in wanted.items():
        np.testing.assert_allclose(getattr(problem, name), value, rtol=1e-14)
    for name, value in number.items():
        np.testing.assert_allclose(getattr(problem, name), value, rtol=1e-3 if name == "d_over_n2" else 1e-14)
    same = kind(**PLAIN).replace(**{one: getattr(problem, one) for one in wanted})
    assert problem == same and repr(problem) == repr(same) and hash(problem) == hash(same)


@given(n=st.integers(2, 200), d_over_n2=st.floats(0.6, 50.0), snr=st.floats(0.0, 10.0), scale=st.floats(0.0, 1.0),
       std=st.floats(1e-3, 10.0), squared=st.booleans())
def test_constructor_and_replace_agree(
    n: int, d_over_n2: float, snr: float, scale: float, std: float, squared: bool
) -> None:
    """To the last bit, with all derived numbers at once."""
    signal = {"n_snr2": n * snr**2} if squared else {"snr": snr}
    numbers: Any = {"n": n, "d_over_n2": d_over_n2, "init_scale": scale, "noise_std": std} | signal
    made = ts.SignalNoise(m=4, **numbers)
    assert made == ts.SignalNoise(**PLAIN).replace(**numbers)
    for name, value in numbers.items():
        if name == "d_over_n2":
            assert made.d == round(value * n**2)
        elif name != "n":
            np.testing.assert_allclose(getattr(made, name), value, rtol=1e-13, atol=1e-300)


@CLASSES
@pytest.mark.parametrize(("arguments", "error", "said"), [
    (PLAIN | {"snr": 0.1}, ValueError, "signal_norm and snr: give only one"),
    (without("signal_norm", snr=0.1, n_snr2=0.1), ValueError, "snr and n_snr2: give only one"),
    (PLAIN | {"n_snr2": 0.1, "snr": 3}, ValueError, "signal_norm and snr and n_snr2: give only one"),
    (PLAIN | {"d_over_n2": 2.0}, ValueError, "d and d_over_n2: give only one"),
    (PLAIN | {"init_scale": 2.0}, ValueError, "init_std and init_scale: give only one"),
    (without("signal_norm"), TypeError, "signal_norm or snr or n_snr2: must be given"),
    (without("d"), TypeError, "d or d_over_n2: must be given"),
    (without("init_std"), TypeError, "init_std or init_scale: must be given"),
    (without("m"), TypeError, "m: must be given"),
    (without("noise_std"), TypeError, "noise_std: must be given"),
    (without("n"), TypeError, "'n'"),
    (PLAIN | {"speed": 3}, TypeError, "'speed'"),
    (without("signal_norm", snr=-1), ValueError, r"snr=-1: must be finite and in \[0"),
    (without("signal_norm", n_snr2=float("nan")), ValueError, "n_snr2=nan: must be finite"),
    (without("signal_norm", snr="0.1"), TypeError, "snr='0.1': must be a number"),
    (without("signal_norm", snr=1e308), ValueError, "snr=1e.308: asks for signal_norm=inf"),
    (without("d", d_over_n2=1e-9), ValueError, "d_over_n2=1e-09: asks for d=0"),
    (without("d", d_over_n2=1e300), ValueError, "d_over_n2=1e.300: must be finite"),
    (without("init_std", init_scale=-0.1), ValueError, "init_scale=-0.1"),
    (without("signal_norm", snr=1) | {"noise_std": -1}, ValueError, "noise_std=-1"),
    (without("signal_norm", snr=1) | {"n": 0}, ValueError, "n=0"),
    (without("signal_norm", snr=1) | {"d": 1.5}, ValueError, "d=1.5"),
])
def test_refused_by_name(kind: Any, arguments: dict[str, Any], error: type[Exception], said: str) -> None:
    """Numbers of one field that are given together, what is missing, what cannot be."""
    with pytest.raises(error, match=said):
        kind(**arguments)


def test_everything_else_is_as_it_was() -> None:
    """Fields, order, defaults, equality, copies, classes of one's own."""
    plain = ts.SignalNoise(30, 900, 4, 2.0, 0.3, 0.01, 3, 0.1, False, "uniform", 0.5, "stratified")
    assert [getattr(plain, one.name) for one in dataclasses.fields(plain)[4:]] == [
        30, 900, 4, 2.0, 0.3, 0.01, 3.0, 0.1, False, "uniform", 0.5, "stratified"]
    by_number = ts.SignalNoise(**without("signal_norm", snr=0.2))
    assert pickle.loads(pickle.dumps(by_number)) == copy.deepcopy(by_number) == by_number
    assert vars(by_number).keys() == {one.name for one in dataclasses.fields(by_number)}
    signature = inspect.signature(ts.SignalNoise).parameters
    for one in dataclasses.fields(ts.SignalNoise):
        if one.name != "n" and one.name not in REQUIRED:
            assert signature[one.name].default == one.default
    assert set(signature) == {one.name for one in dataclasses.fields(ts.SignalNoise)} | set(IN_PLACE)

    @dataclasses.dataclass(frozen=True)
    class Marked(ts.SignalNoise):
        mark: str = "none"

    @dataclasses.dataclass(frozen=True, init=False)
    class Named(ts.SignalNoise):
        pass

    marked = Marked(**PLAIN, mark="mine")
    assert marked.replace(snr=0.2) == Marked(**PLAIN | {"signal_norm": by_number.signal_norm}, mark="mine")
    assert Named(**without("signal_norm", snr=0.2)).signal_norm == by_number.signal_norm


def test_only_fields_are_kept() -> None:
    """A later change of the noise changes the SNR, not the signal."""
    made = ts.SignalNoise(**without("signal_norm", snr=0.2))
    assert made.replace(noise_std=0.6).signal_norm == made.signal_norm
    np.testing.assert_allclose(made.replace(noise_std=0.6).snr, 0.1)
