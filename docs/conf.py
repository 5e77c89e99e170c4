"""Settings of the book: python -m sphinx -W --keep-going -b html docs docs/_build/html"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]

import theorysim  # noqa: E402

project = "theorysim"
author = "the theorysim contributors"
release = version = theorysim.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "book",
]
exclude_patterns = ["_build", "_generated", "measured"]

myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say what an argument is, in words and with its shape
napoleon_google_docstring = False
# Attributes as a list in the class, several names in one entry included; not as entries of their own.
napoleon_custom_sections = [("Attributes", "params_style")]

html_theme = "furo"
html_title = f"theorysim {version}"
smartquotes = False  # the prime of ℓ' is a prime
