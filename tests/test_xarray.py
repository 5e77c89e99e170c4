"""Runs as datasets with named dimensions: every number under its name, at its labels."""

import sys
from typing import Any

import numpy as np
import pytest
import xarray as xr
from all_systems import BY_LAW, FIELD, FLIPS, SIGNAL, Case, every_case, images, one_case_each

import theorysim as ts

PATCH = ("step_recorded", "branch", "filter")


def made(case: Case, steps: int = 30) -> Any:
    """A short run of a case."""
    return case.simulate(steps, record_every=10)


@every_case
def test_every_column_and_array_is_there(case: Case) -> None:
    """Bit for bit, over the steps observed and recorded; dimensions have numbers, variables meanings and units."""
    run = case.simulate(30, record_every=10, observe=case.own())
    found = run.to_xarray()
    assert found["step"].values.tolist() == run.steps_observed.tolist()
    for name in run.observables:
        assert found[name].dims == ("step",)
        np.testing.assert_array_equal(found[name].values, run.column(name))
    arrays = run.named_arrays()
    assert set(found.data_vars) == {*run.observables, *arrays}
    for name, array in arrays.items():
        assert found[name].dims == array.dimensions and found[name].values.tobytes() == array.values.tobytes()
        if "step_recorded" in array.dimensions:
            assert found["step_recorded"].values.tolist() == [0, 10, 20, 30]
    for variable in found.variables.values():
        assert variable.attrs["long_name"] and variable.attrs["units"] in ("1", "updates")
    assert found["step"].attrs["units"] == "updates" and all(name in found.coords for name in found.dims)
    assert set(run.MEANINGS) >= set(run.table)
    assert found["step"].size == 1 or found[next(iter(run.table))].attrs["long_name"] != next(iter(run.table))
    assert found.attrs["seed"] == run.seed and found.attrs["status"] == "completed"
    assert found.attrs["problem"] == repr(run.problem) and found.attrs["algorithm"] == repr(run.algorithm)


@one_case_each
def test_arrays_are_what_was_recorded(case: Case) -> None:
    """Every array that a run keeps for each record, or what it stands for, is in some variable of as many records."""
    run = made(case)
    found = run.to_xarray()
    assert any("step_recorded" in one.dims for one in found.data_vars.values())
    for name in set(run.PER_RECORD) & set(found.data_vars):
        np.testing.assert_array_equal(found[name].values, getattr(run, name))


def test_patch_network_by_name() -> None:
    """γ, ρ and products by branch, filter and sample, labels and flips as coordinates."""
    run = made(Case(SIGNAL.replace(n=9, d=300), FLIPS))
    found = run.to_xarray()
    assert found["gamma"].dims == found["readout"].dims == PATCH and found["rho"].dims == (*PATCH, "sample")
    assert found["branch"].values.tolist() == [1, -1]
    np.testing.assert_array_equal(found["label"], run.draw.labels)
    np.testing.assert_array_equal(found["observed_label"], run.draw.observed_labels)
    np.testing.assert_array_equal(found["flipped"], run.draw.noisy)
    assert run.draw.noisy.any() and found["flipped"].dtype == bool
    for step in (0, 20):
        record = run.record(step)
        one = found.sel(step_recorded=step)
        np.testing.assert_array_equal(one["gamma"].sel(branch=-1), run.gamma[record, 1])
        np.testing.assert_array_equal(one["signal_products"].sel(branch=1), run.signal_products()[record, 0])
        np.testing.assert_array_equal(one["noise_products"].isel(sample=4), run.noise_products()[record, :, :, 4])
        # ρ̄: ρ where the branch is that of the observed label
        own = one["rho"].where(found["branch"] == found["observed_label"])
        assert float(own.max()) == found["rho_bar_max"].sel(step=step)
        assert float(own.where(found["flipped"]).max()) == found["rho_bar_max_noisy"].sel(step=step)
    mean_field = made(Case(FIELD, FLIPS)).to_xarray()
    assert mean_field["rho"].dims == (*PATCH, "sample") and mean_field["gamma"].dims == PATCH


def test_patches_of_other_kinds() -> None:
    """Several signals, noise atoms that are not one a sample, atoms that are all of one kind."""
    law = made(Case(BY_LAW, FLIPS))
    found = law.to_xarray()
    assert found["gamma"].dims == (*PATCH, "signal") and found["orientation"].dims == ("signal",)
    given = made(Case(images(), FLIPS))
    found, owner = given.to_xarray(), given.draw.owner
    assert found["gamma"].dims == PATCH and found["rho"].dims == (*PATCH, "noise_atom")
    np.testing.assert_array_equal(found["noise_sample"], owner[owner >= 0])
    assert found["label"].dims == ("sample",) and found.sizes["sample"] == 4
    of_second = found["rho"].where(found["noise_sample"] == 1, drop=True)
    np.testing.assert_array_equal(of_second, given.rho[..., owner[owner >= 0] == 1])
    apart = ts.PatchData.from_vectors(np.eye(4).reshape(2, 2, 4), [1, -1], m=2, init_std=0.1)
    alone = made(Case(apart, ts.GradientDescent(0.3))).to_xarray()
    assert "gamma" not in alone and alone["rho"].dims[-1] == "noise_atom"
    shared = np.tile(np.eye(4)[:2], (2, 1, 1))
    together = ts.PatchData.from_vectors(shared, [1, -1], m=2, init_std=0.1)
    common = made(Case(together, ts.GradientDescent(0.3))).to_xarray()
    assert "rho" not in common and common["gamma"].dims == (*PATCH, "signal")


def test_own_observables_never_hide_an_array() -> None:
    """One that has the name of an array or a coordinate is told apart."""
    own = {"gamma": lambda state: 3.0, "label": lambda state: 4.0, "own_label": lambda state: 5.0}
    run = ts.simulate(SIGNAL, FLIPS, 10, observe=own, record_every=5)
    found = run.to_xarray()
    assert found["gamma"].dims == PATCH and found["label"].dims == ("sample",)
    for name, value in (("own_gamma", 3.0), ("own_label", 5.0), ("own_own_label", 4.0)):
        assert found[name].dims == ("step",) and found[name].sel(step=5) == value
        assert np.isnan(found[name].sel(step=4))
    assert set(own) <= set(run.own)


@one_case_each
def test_runs_have_a_dimension_of_seeds(case: Case) -> None:
    """First of all, with the numbers of every run."""
    runs = ts.simulate(case.problem, case.algorithm, 20, seeds=[5, 2], **case.keywords, record_every=10)
    found = runs.to_xarray()
    assert found["seed"].values.tolist() == [5, 2]
    for seed, run in zip((5, 2), runs, strict=True):
        one, alone = found.sel(seed=seed), run.to_xarray()
        assert set(one.data_vars) == set(alone.data_vars)
        for name, variable in alone.variables.items():
            np.testing.assert_array_equal(one[name].values, variable.values)
    assert all(one.dims[0] == "seed" for one in found.data_vars.values())
    assert "seed" not in found.attrs and found.attrs["algorithm"] == repr(case.algorithm)


def test_runs_of_unequal_length() -> None:
    """NaN at steps that a run has not; attributes on which they differ are left out."""
    runs = ts.simulate(SIGNAL, ts.GradientDescent(0.3), 300, seeds=range(4), record_every=10,
                       until=lambda seen: seen["train_loss"] < 0.2)
    found = runs.to_xarray()
    ends = [run.steps for run in runs]
    assert len(set(ends)) > 1 and "steps" not in found.attrs and found.attrs["status"] == "stopped"
    for seed, run in enumerate(runs):
        loss = found["train_loss"].sel(seed=seed)
        assert (loss.sel(step=run.steps_observed) == run.column("train_loss")).all()
        assert loss.where(found["step"] > run.steps, drop=True).isnull().all()
        rho = found["rho"].sel(seed=seed)
        np.testing.assert_array_equal(rho.sel(step_recorded=run.steps_recorded), run.rho)
        others = np.setdiff1d(found["step_recorded"], run.steps_recorded)
        assert rho.sel(step_recorded=others).isnull().all()
    assert found["flipped"].dtype == bool and found["label"].dims == ("seed", "sample")


def test_a_dataset_is_written_and_read(tmp_path: Any) -> None:
    """As netCDF, attributes included."""
    found = ts.simulate(SIGNAL, FLIPS, 20, seeds=2, record_every=10).to_xarray()
    found.to_netcdf(tmp_path / "runs.nc", engine="scipy")
    with xr.open_dataset(tmp_path / "runs.nc", engine="scipy") as read:
        assert read["rho"].equals(found["rho"]) and read.attrs["problem"] == repr(SIGNAL)


def test_without_xarray(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install; nothing else needs it."""
    monkeypatch.setitem(sys.modules, "xarray", None)
    runs = ts.simulate(SIGNAL, FLIPS, 5, seeds=2)
    for one in (runs, runs[0]):
        with pytest.raises(ImportError, match=r"to_xarray\(\) needs xarray: pip install xarray"):
            one.to_xarray()
