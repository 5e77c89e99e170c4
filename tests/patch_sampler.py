"""Fresh samples by law, one sample and one law after the other, written from the laws' definitions alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

import theorysim as ts

Array = NDArray[np.float64]


class Sampler:
    """Draws samples of a problem in coordinates whose first axes are its features, and says what they are.

    A direction is the next free axis for every name that is new, so the order of the laws decides.
    """

    def __init__(self, problem: ts.PatchModel, coordinates: int, seed: int) -> None:
        self.problem, self.rng = problem, np.random.default_rng(seed)
        self.axis: dict[str, int] = {}
        self.free, self.coordinates = 0, coordinates
        self.features = sum({"LongTail": len(getattr(law, "norms", ())), "XOR": 2}.get(type(law).__name__, 1)
                            for law in self._named().values() if not isinstance(law, ts.Noise | ts.Zero))

    def _terms(self) -> list[list[tuple[str, Any]]]:
        """Every patch as laws with names: one that is given none has one of its own."""
        return [[(getattr(law, "name", None) or f"patch {p} term {t}", law)
                 for t, law in enumerate(patch.laws if isinstance(patch, ts.Sum) else (patch,))]
                for p, patch in enumerate(self.problem.patches)]

    def _named(self) -> dict[str, Any]:
        return {name: law for patch in self._terms() for name, law in patch}

    def sample(self, label: int | None = None) -> tuple[Array, int, dict[str, str]]:
        """Patches (P, coordinates and the bias), label, and what chance decided by the name of the law."""
        rng, problem = self.rng, self.problem
        y = label or (1 if rng.random() < 0.5 else -1)
        decided: dict[str, str] = {}
        noise: dict[str, Array] = {}
        for name, law in self._named().items():
            if isinstance(law, ts.Spurious):
                decided[name] = "agrees" if rng.random() < law.agreement else "disagrees"
            elif isinstance(law, ts.XOR):
                decided[name] = "+" if rng.random() < 0.5 else "-"
            elif isinstance(law, ts.LongTail):
                decided[name] = str(rng.choice(len(law.norms), p=law.probabilities))
            elif isinstance(law, ts.Noise):
                noise[name] = rng.standard_normal(self.coordinates)
                if law.orthogonal:
                    noise[name][: self.features] = 0.0
        patches = np.zeros((len(problem.patches), self.coordinates + bool(problem.bias)))
        for patch, laws in zip(patches, self._terms(), strict=True):
            for name, law in laws:
                self._add(patch, law, name, y, decided.get(name, ""), noise.get(name))
            if problem.bias:
                patch[-1] = problem.bias
        return patches, y, decided

    def _add(self, patch: Array, law: Any, name: str, y: int, decided: str, noise: Array | None) -> None:
        if isinstance(law, ts.Noise):
            assert noise is not None
            patch[: self.coordinates] += law.std * noise
        elif isinstance(law, ts.Signal):
            patch[self._axis(name)] += y * law.norm
        elif isinstance(law, ts.Spurious):
            patch[self._axis(name)] += (y if decided == "agrees" else -y) * law.norm
        elif isinstance(law, ts.ConstantPatch):
            patch[self._axis(name)] += law.norm
        elif isinstance(law, ts.XOR):
            u, v = self._axis(name, 2), self._axis(name, 2) + 1
            patch[u if y > 0 else v] += law.norm if decided == "+" else -law.norm
        elif isinstance(law, ts.LongTail):
            patch[self._axis(name, len(law.norms)) + int(decided)] += y * law.norms[int(decided)]
        else:
            assert isinstance(law, ts.Zero)

    def _axis(self, name: str, size: int = 1) -> int:
        """The first axis of a law."""
        if name not in self.axis:
            self.axis[name], self.free = self.free, self.free + size
        return self.axis[name]
