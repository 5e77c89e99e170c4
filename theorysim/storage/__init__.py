"""Runs on disk: one .npz file of arrays and a JSON header, no pickles."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

import numpy as np

from theorysim.core import validate
from theorysim.linear import LinearRun
from theorysim.reweighting import ReweightingRun
from theorysim.patch.run import Run
from theorysim.storage import linear, patch, reweighting

FORMAT = 2
FORMS: dict[str, tuple[type, Any]] = {
    "patch": (Run, patch), "linear": (LinearRun, linear), "reweighting": (ReweightingRun, reweighting),
}


def save(run: Any, path: str | Path) -> None:
    """Write a run; the file appears whole or not at all."""
    system, form = next((name, form) for name, (kind, form) in FORMS.items() if isinstance(run, kind))
    header, arrays = form.pack(run)
    header |= {"format": FORMAT, "system": system}
    validate.instance("path", path, (str, Path))
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"path={str(path)!r}: its folder does not exist")
    partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}.tmp")  # created as any file: the umask decides
    try:
        with partial.open("xb") as file:
            np.savez(file, header=np.array(json.dumps(header)), **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def load_run(path: str | Path) -> Any:
    """Read a run of any system, written by its ``save``.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file is not a saved run, or of a format this version does not know.
    """
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as content:
            arrays = dict(content)
        header = json.loads(str(arrays.pop("header")))
        written = header.pop("format")
        _, form = FORMS[header.pop("system", "patch")]
        run = form.unpack(header, arrays) if written == FORMAT else None
    except FileNotFoundError:
        raise
    except Exception as error:  # whatever a damaged or foreign file provokes
        raise ValueError(f"path={str(path)!r}: not a saved run ({error})") from error
    if run is None:
        raise ValueError(f"path={str(path)!r}: has format {written}, this version reads format {FORMAT}")
    return run
