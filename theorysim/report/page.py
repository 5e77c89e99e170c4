"""Sections as one HTML file, which asks for nothing outside it."""

import base64
import hashlib
import platform
import sys
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from itertools import count
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from theorysim.report.code import HOME
from theorysim.report.parts import Section, clean
from theorysim.report.pictures import with_own_ids

TEMPLATES = Path(__file__).parent / "templates"
PACKAGES = ("numpy", "scipy", "numba")  # that numbers depend on
POLICY = ("default-src 'none'; style-src 'unsafe-inline'; script-src '{script}'; img-src data:; base-uri 'none'; "
          "form-action 'none'")


def page(title: str, sections: Sequence[Section]) -> str:
    """The file's text; the same for the same sections on the same versions."""
    script, style = (_source(name) for name in ("page.js", "page.css"))
    places = count(1)

    def drawn(svg: Markup) -> Markup:
        return with_own_ids(svg, next(places))

    return _environment().get_template("page.html").render(
        title=title, sections=sections, versions=versions(), script=Markup(script), style=Markup(style),
        policy=POLICY.format(script=_hash(script)), drawn=drawn)


def versions() -> dict[str, str]:
    """Of what numbers come from, here and now."""
    # of the package that is running: an older one may be installed beside it
    own = str(getattr(sys.modules[HOME], "__version__"))
    return {HOME: own, **{name: metadata.version(name) for name in PACKAGES}, "Python": platform.python_version()}


def _hash(script: str) -> str:
    """By which a browser knows the one script that it may run."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


@cache
def _source(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    return Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
                       trim_blocks=True, lstrip_blocks=True, finalize=_shown)


def _shown(value: Any) -> Any:
    """What a template puts in: Markup as it is, all else as text that a page may hold."""
    return value if isinstance(value, Markup) else clean(value)
