"""Laws of patches: what a patch of a sample with true label y = ±1 is, as far as chance decides it.

A law of a *feature* shows a unit direction times a strength and a sign, and so carries what a label can be told from
(or seemingly told from); :class:`Noise` is Gaussian. Laws are added up with ``+`` where one patch holds several.

Every law has a name. Laws of the same name in one problem share what chance decides of a sample (the direction and its
sign, or the noise vector) and differ in strength alone; a law that is given no name is one of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar

from theorysim.core import validate
from theorysim.core.html import Shown

LARGEST = 1e145  # of norms and standard deviations: their squares, times d, are finite
SURE: Mapping[str, float] = {"": 1.0}  # the outcomes of what chance does not decide


@dataclass(frozen=True, repr=False)
class PatchLaw(Shown):
    """What a patch is, or one term of it; ``first + second`` is a patch that is their sum."""

    kind: ClassVar[str] = "patch"  # the name of a law that is given none

    def __add__(self, other: "PatchLaw") -> "Sum":
        if not isinstance(other, PatchLaw):
            return NotImplemented
        return Sum((*terms(self), *terms(other)))

    def __repr__(self) -> str:
        said = []
        for place, one in enumerate(fields(self)):
            value = getattr(self, one.name)
            if one.default is MISSING or value != one.default:
                said.append(repr(value) if place == 0 else f"{one.name}={value!r}")
        return f"{type(self).__name__}({', '.join(said)})"

    @property
    def parameters(self) -> dict[str, Any]:
        """Its numbers by name."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name not in ("name", "features")}

    @property
    def shared(self) -> tuple[Any, ...]:
        """What laws of one name must agree in: all but the strength."""
        return (type(self),)

    def _set(self, **checked: Any) -> None:
        for name, value in checked.items():
            object.__setattr__(self, name, value)


class FeatureLaw(PatchLaw):
    """A law that shows one of its unit directions, with a strength and a sign that label and chance decide.

    A law of your own is a frozen dataclass derived from this one, with a field ``name`` and these three.
    """

    def strengths(self) -> Mapping[str, float]:
        """The strength of every direction by what it is called after the law's name ("" for its only one)."""
        raise NotImplementedError

    def outcomes(self) -> Mapping[str, float]:
        """What chance decides of a sample beside its label, with probabilities; independent of the label."""
        return SURE

    def shown(self, label: int, outcome: str) -> tuple[str, int]:
        """The direction of a sample with this label, and its sign."""
        raise NotImplementedError


@dataclass(frozen=True, repr=False)
class Signal(FeatureLaw):
    """y s v: the signal of the label, with v a unit direction and s = ``norm`` ≥ 0."""

    norm: float
    name: str | None = None

    kind: ClassVar[str] = "signal"

    def __post_init__(self) -> None:
        self._set(norm=validate.real("norm", self.norm, 0, LARGEST), name=_name(self.name))

    def strengths(self) -> Mapping[str, float]:
        """Of its one direction."""
        return {"": self.norm}

    def shown(self, label: int, outcome: str) -> tuple[str, int]:
        """The sign is the label."""
        return "", label


@dataclass(frozen=True, repr=False)
class Spurious(FeatureLaw):
    """a s v with P(a = y) = ``agreement``: a spurious feature, correlated with the label.

    Its groups are "agrees" (the majority, a = y) and "disagrees" (the minority, a ≠ y).
    """

    norm: float
    agreement: float
    name: str | None = None

    kind: ClassVar[str] = "spurious"

    def __post_init__(self) -> None:
        self._set(norm=validate.real("norm", self.norm, 0, LARGEST),
                  agreement=validate.real("agreement", self.agreement, 0, 1), name=_name(self.name))

    @property
    def shared(self) -> tuple[Any, ...]:
        """Its probability too."""
        return type(self), self.agreement

    def strengths(self) -> Mapping[str, float]:
        """Of its one direction."""
        return {"": self.norm}

    def outcomes(self) -> Mapping[str, float]:
        """Whether its sign is the label."""
        return {"agrees": self.agreement, "disagrees": 1 - self.agreement}

    def shown(self, label: int, outcome: str) -> tuple[str, int]:
        """The sign is the label or its opposite."""
        return "", label if outcome == "agrees" else -label


@dataclass(frozen=True, repr=False)
class XOR(FeatureLaw):
    """±s u for y = +1 and ±s v for y = −1, with u ⊥ v of norm 1 and the sign a fair coin (cf. Meng et al. 2024).

    No linear function of the patch tells the labels apart. Its groups are "+" and "-".
    """

    norm: float
    name: str | None = None

    kind: ClassVar[str] = "xor"

    def __post_init__(self) -> None:
        self._set(norm=validate.real("norm", self.norm, 0, LARGEST), name=_name(self.name))

    def strengths(self) -> Mapping[str, float]:
        """Of u and v."""
        return {"u": self.norm, "v": self.norm}

    def outcomes(self) -> Mapping[str, float]:
        """The coin."""
        return {"+": 0.5, "-": 0.5}

    def shown(self, label: int, outcome: str) -> tuple[str, int]:
        """The label decides the direction, the coin its sign."""
        return "u" if label > 0 else "v", 1 if outcome == "+" else -1


@dataclass(frozen=True, repr=False)
class LongTail(FeatureLaw):
    """y s_k v_k, where k is drawn with probability ``probabilities[k]``: common and rare features of the label.

    Parameters
    ----------
    norms, probabilities : sequences of one length
        s_k ≥ 0, and probabilities that add up to 1.
    features : sequence of str, optional
        What the features are called, such as ("common", "rare"); "1", "2", … by default. These are its groups.
    """

    norms: tuple[float, ...]
    probabilities: tuple[float, ...]
    features: tuple[str, ...] = ()
    name: str | None = None

    kind: ClassVar[str] = "tail"

    def __post_init__(self) -> None:
        for field in ("norms", "probabilities", "features"):
            value = getattr(self, field)
            if isinstance(value, str) or not isinstance(value, Sequence):
                raise TypeError(f"{field}={value!r}: must be a sequence, not {type(value).__name__}")
        norms = tuple(validate.real("norms", one, 0, LARGEST) for one in self.norms)
        probabilities = tuple(validate.real("probabilities", one, 0, 1) for one in self.probabilities)
        called = tuple(self.features) or tuple(str(k + 1) for k in range(len(norms)))
        if not norms or len(norms) != len(probabilities):
            raise ValueError(f"probabilities={self.probabilities!r}: must be one for each of the {len(norms)} norms, "
                             "of which there is at least one")
        if abs(sum(probabilities) - 1) > 1e-9:
            raise ValueError(f"probabilities={self.probabilities!r}: must add up to 1, not {sum(probabilities):g}")
        if len(called) != len(norms) or len(set(called)) < len(called) or not all(map(_name, called)):
            raise ValueError(f"features={self.features!r}: must be {len(norms)} different names, one for each norm")
        self._set(norms=norms, probabilities=probabilities, features=tuple(self.features), name=_name(self.name))

    @property
    def shared(self) -> tuple[Any, ...]:
        """The features and their probabilities too."""
        return type(self), self.probabilities, self._called

    @property
    def _called(self) -> tuple[str, ...]:
        return self.features or tuple(str(k + 1) for k in range(len(self.norms)))

    def strengths(self) -> Mapping[str, float]:
        """Of every feature."""
        return dict(zip(self._called, self.norms, strict=True))

    def outcomes(self) -> Mapping[str, float]:
        """Which feature."""
        return dict(zip(self._called, self.probabilities, strict=True))

    def shown(self, label: int, outcome: str) -> tuple[str, int]:
        """The feature drawn, its sign the label."""
        return outcome, label


@dataclass(frozen=True, repr=False)
class ConstantPatch(FeatureLaw):
    """s v, the same in every sample: a background, or a bias that takes one of the d dimensions."""

    norm: float
    name: str | None = None

    kind: ClassVar[str] = "constant"

    def __post_init__(self) -> None:
        self._set(norm=validate.real("norm", self.norm, 0, LARGEST), name=_name(self.name))

    def strengths(self) -> Mapping[str, float]:
        """Of its one direction."""
        return {"": self.norm}

    def shown(self, label: int, outcome: str) -> tuple[str, int]:
        """Whatever the label is."""
        return "", 1


@dataclass(frozen=True, repr=False)
class Zero(PatchLaw):
    """The patch 0, as where something was cut out; in a sum it adds nothing."""

    kind: ClassVar[str] = "zero"


@dataclass(frozen=True, repr=False)
class Noise(PatchLaw):
    """ξ ~ N(0, σ² I), a fresh vector for every sample; ``std`` is σ ≥ 0, of one coordinate.

    With ``orthogonal`` it has no component along any feature of the problem, σ² (I − Σ_f v_f v_fᵀ). Two patches with
    noise of one name hold the same vector, each times its own σ.
    """

    std: float
    orthogonal: bool = True
    name: str | None = None

    kind: ClassVar[str] = "noise"

    def __post_init__(self) -> None:
        self._set(std=validate.real("std", self.std, 0, LARGEST),
                  orthogonal=validate.flag("orthogonal", self.orthogonal), name=_name(self.name))

    @property
    def shared(self) -> tuple[Any, ...]:
        """Whether it is orthogonal too."""
        return type(self), self.orthogonal


@dataclass(frozen=True, repr=False)
class Sum(PatchLaw):
    """A patch that is the sum of several laws; written with ``+``."""

    laws: tuple[PatchLaw, ...]

    kind: ClassVar[str] = "sum"

    def __post_init__(self) -> None:
        if isinstance(self.laws, str) or not isinstance(self.laws, Sequence) or not self.laws:
            raise TypeError(f"laws={self.laws!r}: must be a non-empty sequence of laws of patches")
        for one in self.laws:
            validate.instance("laws", one, (PatchLaw,))
        self._set(laws=tuple(term for one in self.laws for term in terms(one)))

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.laws))


def terms(law: PatchLaw) -> tuple[PatchLaw, ...]:
    """The laws that a patch is the sum of."""
    return law.laws if isinstance(law, Sum) else (law,)


def _name(value: Any) -> str | None:
    """A name that may stand in an axis such as ``signal.norm``."""
    if value is not None and (not isinstance(value, str) or not value or "." in value):
        raise ValueError(f"name={value!r}: must be a non-empty string without a full stop")
    return value
