"""Where a command writes: paths are tried before any work, a closed pipe ends quietly, bars are for terminals."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from numba.core import event

from theorysim.cli import main
from theorysim.core import jit

SMALL = ["simulate", "--n", "6", "--d", "300", "--m", "2", "--steps", "40"]


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever trains, loads, sweeps or reproduces fails the test."""
    def never(*_given: Any, **_named: Any) -> None:
        pytest.fail("work was begun")

    for name in ("train.simulate", "check.simulate", "check.load_run", "sweep.sweep", "reproduce.reproduce"):
        monkeypatch.setattr(f"theorysim.cli.{name}", never)


COMMANDS = [
    ([*SMALL, "--quiet"], "--plot", ".png, .pdf or .svg"),
    ([*SMALL, "--quiet"], "--csv", ".csv"),
    ([*SMALL, "--quiet"], "--save", ".npz"),
    (["check", "run.npz"], "--csv", ".csv"),
    (["check", "--seeds", "2"], "--csv", ".csv"),
    (["sweep", "--grid", "n=4,6", "snr=0.1,0.2"], "--csv", ".csv"),
    (["sweep", "--grid", "n=4,6", "snr=0.1,0.2"], "--heatmap", ".png, .pdf or .svg"),
    (["sweep", "--grid", "n=4,6"], "--store", ""),
    (["reproduce", "huang2025-fig3"], "--store", ""),
]
IDS = [f"{command[0]}{option}" for command, option, _ in COMMANDS]


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(("command", "option", "endings"), COMMANDS, ids=IDS)
def test_paths_are_refused_before_any_work(
    command: list[str], option: str, endings: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Option, path and what is allowed are named; nothing is made."""
    ending = endings.partition(",")[0].partition(" ")[0] or ".db"
    (tmp_path / f"folder{ending}").mkdir()
    (tmp_path / "file").write_text("something")
    before = sorted(tmp_path.iterdir())

    def told(path: Path) -> str:
        assert main([*command, option, str(path)]) == 2
        out, err = capsys.readouterr()
        assert out == "" and len(err.splitlines()) == 1 and err.startswith(f"theorysim: {option} {path}: ")
        return err

    if endings:
        assert f"must end in {endings}; the ending decides the format" in told(tmp_path / "out.txt")
        assert f"must end in {endings}" in told(tmp_path / "out")
    assert "is a folder; must be the name of a file" in told(tmp_path / f"folder{ending}")
    assert f"{tmp_path / 'file'} is a file; must be a folder" in told(tmp_path / "file" / f"out{ending}")
    assert "cannot be written (File name too long)" in told(tmp_path / f"{'x' * 300}{ending}")

    def refused(**_named: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refused)
    assert "cannot be written (Permission denied); must be in a folder" in told(tmp_path / f"out{ending}")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.usefixtures("no_work")
def test_folder_is_refused_before_any_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """reproduce --out, where a file is in the way."""
    (tmp_path / "file").write_text("something")
    for path in (tmp_path / "file", tmp_path / "file" / "results"):
        assert main(["reproduce", "huang2025-fig2", "--out", str(path)]) == 2
        assert f"--out {path}: {tmp_path / 'file'} is a file; must be a folder" in capsys.readouterr().err


def test_folders_are_made_and_endings_decide(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Pictures of three kinds, in a folder that there was not; a file that is there is replaced."""
    beginnings = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml", ".PNG": b"\x89PNG"}
    for ending, beginning in beginnings.items():
        path = tmp_path / "new" / "folder" / f"run{ending}"
        assert main([*SMALL, "--quiet", "--plot", str(path)]) == 0
        assert path.read_bytes().startswith(beginning) and f"wrote {path}" in capsys.readouterr().out
    table = tmp_path / "run.csv"
    table.write_text("old")
    assert main([*SMALL, "--quiet", "--csv", str(table)]) == 0
    assert table.read_text().startswith("step,")


# --- pipes and terminals ------------------------------------------------------------------------------------------


def process(*arguments: str, **rest: Any) -> subprocess.Popen[bytes]:
    """The program in a process of its own, which buffers what it prints as it does elsewhere."""
    environment = {"env": {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}} | rest
    return subprocess.Popen([sys.executable, "-m", "theorysim", *arguments], **environment)


@pytest.mark.parametrize("arguments", [["papers"], ["--help"], ["sweep", "--help"], ["reproduce", "--list"],
                                       [*SMALL, "--quiet"]], ids=" ".join)
def test_a_closed_pipe_ends_quietly(arguments: list[str]) -> None:
    """Nothing reads; the exit status is that of a process that SIGPIPE ended, and stderr stays empty.

    (argparse takes no notice of a pipe that is closed while it writes a long help; then the status is 0.)
    """
    reading, writing = os.pipe()
    os.close(reading)
    running = process(*arguments, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    _, err = running.communicate()
    assert running.returncode == 141 or (running.returncode == 0 and "--help" in arguments)
    assert err == b""


def test_a_closed_pipe_ends_quietly_without_buffers() -> None:
    """The first line that is printed meets it."""
    reading, writing = os.pipe()
    os.close(reading)
    running = process("papers", stdout=writing, stderr=subprocess.PIPE, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    os.close(writing)
    _, err = running.communicate()
    assert (running.returncode, err) == (141, b"")


def test_a_full_disk_is_an_error() -> None:
    """One line, no traceback."""
    with open("/dev/full", "wb") as full:
        running = process("papers", stdout=full, stderr=subprocess.PIPE)
        _, err = running.communicate()
    assert running.returncode == 2 and err == b"theorysim: [Errno 28] No space left on device\n"


def on_terminal(*arguments: str, **environment: str) -> tuple[int, str]:
    """Exit status, and what a terminal of 80 columns shows of stderr."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    running = process(*arguments, stdout=subprocess.DEVNULL, stderr=theirs, env=os.environ | environment)
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # Linux says so when the last writer is gone
            part = b""
        if not part:
            break
        shown += part
    os.close(ours)
    return running.wait(), shown.decode()


def test_bars_are_for_terminals(capsys: pytest.CaptureFixture[str]) -> None:
    """On one there is a bar, unless --quiet; elsewhere nothing."""
    status, shown = on_terminal(*SMALL)
    assert status == 0 and "simulate: 100%" in shown and "40/40" in shown
    assert on_terminal(*SMALL, "--quiet") == (0, "")
    assert main(SMALL) == 0 and capsys.readouterr().err == ""
    for command in (["check", "--seeds", "2", *SMALL[1:]], ["sweep", *SMALL[1:], "--grid", "n=4,6", "--seeds", "2"]):
        assert main(command) == 0 and capsys.readouterr().err == ""


@pytest.mark.compiled
def test_compiling_is_told(tmp_path: Path) -> None:
    """Once, on a terminal, with an empty cache; not with a full one."""
    first, again = (on_terminal(*SMALL, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2))
    assert first[0] == again[0] == 0
    assert first[1].count("compiling…") == 1 and "compiling" not in again[1]


# --- compiling ----------------------------------------------------------------------------------------------------


def test_compiling_is_told_when_it_takes_long() -> None:
    """Only then, once, by the kernel that is under way when the time is over."""
    told: list[int] = []
    seen = threading.Event()

    def tell() -> None:
        told.append(1)
        seen.set()

    with jit.watched(tell, after=3600):
        with event.trigger_event("numba:compile"):
            pass
    assert not told
    with jit.watched(tell, after=0):
        for _ in range(2):
            with event.trigger_event("numba:compile"):
                assert seen.wait(60)
    assert told == [1]
    with event.trigger_event("numba:compile"):  # nobody listens any more
        pass
    assert told == [1]


def test_compiling_may_pause() -> None:
    """Between two kernels nothing is told; the next one is, at once, as the time is over."""
    seen, fired = threading.Event(), threading.Event()
    listener = jit._Slow(seen.set, 0.0)
    due: Callable[[], None] = listener._due

    def watched_due() -> None:
        due()
        fired.set()

    listener._due = watched_due  # type: ignore[method-assign]
    listener.running = -1  # as if the first one had ended already
    listener.on_start(None)
    assert fired.wait(60) and not seen.is_set()
    listener.on_end(None)
    listener.running = 0
    listener.on_start(None)
    assert seen.wait(60)
    listener.on_end(None)
    listener.stop()
