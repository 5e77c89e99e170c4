"""Pictures drawn from the tables that are written down: all can be read, and show what the runs' own pictures show."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from figure_check import defects
from matplotlib.figure import Figure

from theorysim.core import style

ROOT = Path(__file__).parents[1]
MEASURED = ROOT / "docs" / "measured"


def _load() -> ModuleType:
    made = importlib.util.spec_from_file_location("redraw", ROOT / "experiments" / "redraw.py")
    assert made is not None and made.loader is not None
    module = importlib.util.module_from_spec(made)
    made.loader.exec_module(module)
    return module


redraw = _load()


def drawn(figure: Figure) -> list[np.ndarray]:
    """The numbers of every line of every panel."""
    return [np.asarray(line.get_xydata(), dtype=float) for axis in figure.axes for line in axis.lines]


@pytest.mark.parametrize("name", redraw.PICTURES)
def test_measured_pictures(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the tables of the documentation: told apart by all eyes, legends off the data, letters, print size."""
    kept: list[Figure] = []
    picture = redraw.PICTURES[name]
    monkeypatch.setitem(redraw.PICTURES, name, lambda tables: kept.append(picture(tables)) or kept[0])
    for path in MEASURED.glob(f"{name}-*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert redraw.redraw(name, tmp_path) == tmp_path / f"{name}.png"
    assert defects(kept[0]) == [] and kept[0].get_figwidth() <= style.PAGE
    assert (MEASURED / f"{name}.png").exists()


def test_means_become_rows() -> None:
    """As many as there were runs, with the same mean, and seeds of their own."""
    means = pd.DataFrame({"d": [1, 2], "runs": [3, 2], "error": [0.1, 0.4]})
    rows = redraw.of_seeds(means, "common", algorithm="GD")
    assert rows.groupby("d")["seed"].apply(list).tolist() == [[0, 1, 2], [0, 1]]
    assert rows.groupby("d")["error"].mean().tolist() == pytest.approx([0.1, 0.4])
    assert rows.attrs["random_numbers"] == "common" and set(rows["status"]) == {"completed"}


def test_unknown_name(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What needs runs is refused, and where to make it again is said."""
    monkeypatch.setattr("sys.argv", ["redraw.py", str(tmp_path), "huang2025-fig2"])
    with pytest.raises(SystemExit):
        redraw.main()
    assert "make others again with reproduce.py" in capsys.readouterr().err
