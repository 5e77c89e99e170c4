"""Notebooks of the documentation run from top to bottom, and end in what they promise."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = Path(__file__).parents[1] / "docs" / "notebooks"
MOST_CELLS = 10


EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


def executed(name: str, folder: Path) -> Any:
    """A notebook after all its cells, run in a folder; in a process of its own, as is its kernel."""
    import nbformat

    path = os.pathsep.join(filter(None, [str(NOTEBOOKS.parents[1]), os.environ.get("PYTHONPATH")]))
    done = subprocess.run([sys.executable, "-c", EXECUTE, str(NOTEBOOKS / name), name], cwd=folder, text=True,
                          capture_output=True, env=os.environ | {"PYTHONPATH": path})
    assert not done.returncode, done.stderr
    return nbformat.read(folder / name, as_version=4)


@pytest.mark.parametrize("name", sorted(one.name for one in NOTEBOOKS.glob("*.ipynb")))
def test_notebooks_are_kept_without_outputs(name: str) -> None:
    """What they show is made anew, and their changes can be read."""
    cells = json.loads((NOTEBOOKS / name).read_text(encoding="utf-8"))["cells"]
    assert not [one for one in cells if one.get("outputs") or one.get("execution_count")]


@pytest.mark.compiled
def test_from_a_claim_to_a_report(tmp_path: Path) -> None:
    """At most ten cells: the claim holds where it seems true, a run breaks it, and the page says both."""
    notebook = executed("claim-to-report.ipynb", tmp_path)
    assert len(notebook.cells) <= MOST_CELLS
    cells = [one for one in notebook.cells if one.cell_type == "code"]
    shown = [one["data"].get("text/plain", "") for cell in cells for one in cell.outputs if "data" in one]
    printed = "".join(one["text"] for cell in cells for one in cell.outputs if one.output_type == "stream")
    page = (tmp_path / "claim.html").read_text(encoding="utf-8")
    assert [one for one in shown if "5 runs, 1 of 1 inside the regime holds" in one]
    assert "is contradicted" in printed and "claim = ts.claim(" in printed
    assert "it holds" in page and "Counterexample to claim.gamma_max_le_rho_bar_max" in page and "ts.simulate(" in page
