"""The recipes of docs/contributing.md, followed in a copy of the package: they work, and touch no more files than said.

What is added runs in another process, without compilation.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import theorysim

PACKAGE = Path(theorysim.__file__).parent


class House:
    """A copy of the package, and the files of it that were touched."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.touched = folder, set[str]()
        shutil.copytree(PACKAGE, folder / "theorysim", ignore=shutil.ignore_patterns("__pycache__"))

    def edit(self, name: str, before: str, after: str) -> None:
        """Put a text in the place of another, which occurs once."""
        path = self.folder / "theorysim" / name
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{name}: {before!r} occurs {text.count(before)} times"
        path.write_text(text.replace(before, after), encoding="utf-8")
        self.touched.add(name)

    def add(self, name: str, text: str) -> None:
        """A new file."""
        path = self.folder / "theorysim" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run(self, script: str) -> str:
        """What a script prints that imports the copy."""
        places = [str(self.folder), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(places)}
        done = subprocess.run([sys.executable, "-W", "error", "-c", script], env=environment, cwd=self.folder,
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A copy to work in."""
    return House(tmp_path)


def edits(house: House, name: str, changes: Sequence[tuple[str, str]]) -> None:
    """Several edits of one file."""
    for before, after in changes:
        house.edit(name, before, after)


LENGTH = """
import numpy as np, theorysim as ts
problem = ts.SignalNoise(n=5, d=30, m=3, signal_norm=2.0, noise_std=0.5, init_std=0.1)
rule = ts.GradientDescent(0.3, length_power=0.5)
run = ts.simulate(problem, rule, 25, 1, engine="paired", draw="vectors")
assert run.deviation < 1e-12, run.deviation
draw = run.draw
xi, y, weights = draw.vectors[1:], draw.labels, draw.weights.copy()
vote = np.repeat([1.0, -1.0], 3) / 3
for _ in range(25):  # plain gradient descent on the weights, with gradients of another length
    gradient = np.zeros_like(weights)
    for i in range(5):
        patches = [y[i] * draw.vectors[0], xi[i]]
        output = sum(vote @ np.maximum(weights @ x, 0) ** 2 for x in patches)
        for x in patches:
            pull = -y[i] / (1 + np.exp(y[i] * output)) / 5
            gradient += pull * np.outer(vote * 2 * np.maximum(weights @ x, 0), x)
    weights = weights - 0.3 * gradient * np.linalg.norm(gradient) ** (0.5 - 1)
assert np.abs(run.weights_at() - weights).max() < 1e-12
run.save("run.npz")
loaded = ts.resume(ts.load_run("run.npz"), 10)
assert loaded.algorithm == rule
assert np.array_equal(loaded.inner, ts.simulate(problem, rule, 35, 1, engine="paired", draw="vectors").inner)
table = ts.sweep(problem, grid={"length_power": [1.0, 0.5]}, algorithms={"GD": ts.GradientDescent(0.3)}, steps=10,
                 seeds=1, measure="train_loss", executor="threads", workers=1)
assert len(set(table["train_loss"])) == 2 and list(table["length_power"]) == [1.0, 0.5]
plain = ts.simulate(problem, ts.GradientDescent(0.3), 25, 1, draw="vectors")
print(repr(rule), plain.inner.sum())
"""


def test_a_training_rule(house: House) -> None:
    """Gradients of length ‖g‖^s: three files; explicit weights, files, resumption and sweeps know it."""
    edits(house, "patch/algorithm.py", [
        ("    train_readout: bool = False\n", "    train_readout: bool = False\n    length_power: float = 1.0\n"),
        ("self.nesterov, self.train_readout)\n", "self.nesterov, self.train_readout, self.length_power)\n"),
    ])
    house.edit("patch/kernels/layout.py", "    trained_readout: bool  # whether the second layer moves as well\n",
               "    trained_readout: bool  # whether the second layer moves as well\n"
               "    length_power: float  # s: the gradient's norm becomes its power s\n")
    edits(house, "patch/kernels/rules.py", [
        ("    if not rule.normalised and rule.clip_norm == np.inf:\n",
         "    if rule.length_power != 1.0:\n"
         "        factor = norm(rule, explicit, step, work) ** (rule.length_power - 1.0)\n"
         "        step[:] *= factor\n        work.image[:] *= factor\n        return\n"
         "    if not rule.normalised and rule.clip_norm == np.inf:\n"),
    ])
    assert "length_power=0.5" in house.run(LENGTH)
    assert len(house.touched) <= 3


GAMMA_MEAN = """
import numpy as np, theorysim as ts
problem = ts.SignalNoise(n=5, d=30, m=3, signal_norm=2.0, noise_std=0.5, init_std=0.1)
run = ts.simulate(problem, ts.GradientDescent(0.3), 25, 1, record_every=1)
assert np.allclose(run.column("gamma_mean"), run.gamma.mean(axis=(1, 2)), rtol=1e-12, atol=1e-15)
stopped = ts.simulate(problem, ts.GradientDescent(0.3), 25, 1, until=lambda seen: seen["gamma_mean"] > 0.1)
assert stopped.status == "stopped"
table = ts.sweep(problem, grid={"n": [4, 5]}, algorithms={"GD": ts.GradientDescent(0.3)}, steps=25, seeds=1,
                 measure="gamma_mean", executor="threads", workers=1)
print(table["gamma_mean"].notna().all())
"""


def test_an_observable(house: House) -> None:
    """The mean of γ: two files; tables, conditions and sweeps have it."""
    house.edit("patch/observables.py", "Han et al. 2025 end stage 1 when it passes a threshold\",\n}",
               "Han et al. 2025 end stage 1 when it passes a threshold\",\n    \"gamma_mean\": \"mean of γ\",\n}")
    edits(house, "patch/kernels/observe.py", [
        ("def observe_coefficients(data: Data, _coef:", "def observe_coefficients(data: Data, coef:"),
        ("    row[13], row[14], row[17] = weakest, under, active\n",
         "    row[13], row[14], row[17] = weakest, under, active\n"
         "    total, count, width = 0.0, 0, coef.shape[0] // 2\n"
         "    for a in range(data.norm_sq.size):\n"
         "        if data.owner[a] < 0:\n"
         "            for k in range(coef.shape[0]):\n"
         "                branch = 1.0 if k < width else -1.0\n"
         "                total += branch * data.orientation[a] * data.norm_sq[a] * coef[k, a]\n"
         "                count += 1\n"
         "    row[18] = total / count if count > 0 else np.nan\n"),
        ("    row[8:15], row[17] = np.nan, np.nan\n", "    row[8:15], row[17:19] = np.nan, np.nan\n"),
    ])
    assert house.run(GAMMA_MEAN).strip() == "True"
    assert len(house.touched) <= 2


LAPLACE = """
@dataclass(frozen=True)
class Laplace:
    \"\"\"Multipliers ε ~ Laplace(mean, scale).\"\"\"

    mean: float
    scale: float

    def sample(self, rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
        \"\"\"Multipliers for shape = (steps, n).\"\"\"
        return rng.laplace(self.mean, self.scale, shape)


LabelNoise = Flip | Gaussian | Uniform | Laplace
"""

LAW = """
import theorysim as ts
from theorysim.patch.algorithm import Laplace
problem = ts.SignalNoise(n=5, d=30, m=3, signal_norm=2.0, noise_std=0.5, init_std=0.1)
run = ts.simulate(problem, ts.GradientDescent(0.3, Laplace(1.0, 0.5)), 25, 1)
run.save("run.npz")
assert ts.load_run("run.npz").algorithm == run.algorithm
table = ts.sweep(problem, grid={"scale": [0.1, 0.5]}, algorithms={"noise": run.algorithm}, steps=25, seeds=1,
                 measure="train_loss", executor="threads", workers=1)
print(table["train_loss"].nunique(), table["label_noise"][0])
"""


def test_a_law_of_label_noise(house: House) -> None:
    """One file; runs, files and sweeps over its fields know it."""
    house.edit("patch/algorithm.py", "\nLabelNoise = Flip | Gaussian | Uniform\n", LAPLACE)
    assert house.run(LAW).strip() == "2 laplace"
    assert len(house.touched) == 1


SYSTEM = """
import theorysim as ts
from theorysim.scalar.system import Scalar, ScalarSGD
run = ts.simulate(Scalar(), ScalarSGD(0.05), 30, 1)
assert ts.resume(ts.simulate(Scalar(), ScalarSGD(0.05), 10, 1), 20).steps == 30
from theorysim.cli import main
assert main(["scalar", "--steps", "20", "--quiet"]) == 0
print(type(run).__name__)
"""


def test_a_system(house: House) -> None:
    """One folder and two lines of the list of systems; the verbs and the command line know it."""
    toy = (Path(__file__).parent / "test_toy_system.py").read_text(encoding="utf-8")
    body = toy[: toy.index("TOY = Paper(")].replace("import pytest\n", "").replace("import pandas as pd\n", "")
    lines = [line for line in body.splitlines() if not line.startswith((
        "import theorysim", "from theorysim.cli", "from theorysim.systems", "from theorysim.theory"))]
    house.add("scalar/__init__.py", '"""Scalar least squares."""\n')
    house.add("scalar/system.py", "\n".join(lines))
    edits(house, "systems/registry.py", [
        ("from theorysim.reweighting.system import REWEIGHTING\n",
         "from theorysim.reweighting.system import REWEIGHTING\nfrom theorysim.scalar.system import SCALAR\n"),
        ("SYSTEMS: list[System] = [PATCH, MEAN_FIELD, LINEAR, OSCILLATION, REWEIGHTING, ATTENTION]\n",
         "SYSTEMS: list[System] = [PATCH, MEAN_FIELD, LINEAR, OSCILLATION, REWEIGHTING, ATTENTION, SCALAR]\n"),
    ])
    assert house.run(SYSTEM).strip().endswith("ScalarRun")
    assert house.touched == {"systems/registry.py"}


PAPER = '''"""A paper of one statement."""

from theorysim.theory.paper import Paper
from theorysim.theory.statement import Sense, Statement
from theorysim.theory.windows import every_step

PAPER = Paper(
    name="mine2026", citation="Mine, 2026", about=("patch",),
    statements=(Statement(
        id="mine2026.loss", claim="the loss never exceeds its start by much", formula="L ≤ 2", source="this test",
        sense=Sense.UPPER, measured=lambda e, steps: e.column("train_loss", steps), predicted=lambda e, steps: 2.0,
        window=every_step,
    ),),
)
'''


def test_a_paper(house: House) -> None:
    """One folder and one line among the entry points; check and its command line know it by name."""
    house.add("papers/mine2026/__init__.py", PAPER)
    points = house.folder / "mine-1.0.dist-info"  # what an installation makes of the line in setup.cfg
    points.mkdir()
    (points / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (points / "entry_points.txt").write_text("[theorysim.papers]\nmine2026 = theorysim.papers.mine2026:PAPER\n")
    shown = house.run("import theorysim as ts\n"
                      "run = ts.simulate(ts.SignalNoise(5, 30, 3, 2.0, 0.5, 0.1), ts.GradientDescent(0.3), 9)\n"
                      "print(list(ts.check(run, 'mine2026').table['verdict']))")
    assert shown.strip() == "['holds']"
    assert not house.touched
