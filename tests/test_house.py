"""House rules, read off the source: docstrings, kernels, sizes, the direction of imports, no printing."""

import ast
import graphlib
import io
import statistics
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "theorysim"
FILES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
KERNELS = [name for name in FILES if "/kernels/" in name or name.endswith("/kernel.py")]
JIT = "core/jit.py"

# Rooms from the top down; the files of a folder are one room. A room may import from the rows below its own, and
# from itself, inside functions too. A new module needs a place here and in docs/contributing.md.
LAYERS = (
    ("__main__",),
    ("cli",),
    ("papers",),
    ("__init__",),
    ("falsify",),
    ("reproduce", "strategies"),
    ("report",),
    ("plot",),
    ("sweep", "scaling"),
    ("check",),
    ("theory",),
    ("systems",),
    ("keywords",),
    ("mean_field", "oscillation"),
    ("attention", "linear", "patch", "reweighting"),
    ("rare_event",),
    ("core",),
)
DEPTH = {room: depth for depth, rooms in enumerate(LAYERS) for room in rooms}

# Rooms that serve every system, and so name none: neither a class of a system nor, as a word of its own, its name.
GENERIC = ("core", "check", "falsify", "scaling", "sweep", "cli", "reproduce.py", "report", "plot/dynamics.py",
           "plot/columns.py",
           "plot/diagram.py", "plot/exponents.py", "theory/paper.py", "theory/statement.py", "theory/law.py",
           "theory/evidence.py", "theory/conditions.py", "theory/claim.py", "theory/comparison.py",
           "theory/expression.py", "theory/names.py", "theory/notation.py")
SYSTEM_NAMES = {"patch", "mean_field", "linear", "oscillation", "reweighting", "attention"}

MAX_MODULE_LINES, MEDIAN_MODULE_LINES = 280, 76
MAX_FUNCTION_LINES, MEDIAN_FUNCTION_LINES = 60, 5
MAX_KERNEL_LINES = 50
MAX_KERNEL_ARGUMENTS = 10

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
NOT_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING,
    tokenize.ENDMARKER,
}


def parse(name: str) -> ast.Module:
    """The syntax tree of a file of the package."""
    return ast.parse(FILES[name].read_text(encoding="utf-8"), filename=name)


def room_of(name: str) -> str:
    """The room that a file belongs to: its folder, or its own name."""
    return name.split("/")[0].removesuffix(".py")


def code_lines(name: str) -> set[int]:
    """Numbers of the lines that hold code: not blank, not a comment, not a docstring."""
    source = FILES[name].read_text(encoding="utf-8")
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NOT_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Documented) and ast.get_docstring(node) is not None:
            first = node.body[0]
            lines.difference_update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return lines


def public_definitions(name: str) -> Iterator[tuple[str, Documented]]:
    """The module, and its public classes, functions and methods, with the name of each; overloads are only types."""
    tree = parse(name)
    yield name, tree
    for node in tree.body:
        if isinstance(node, Function) and any(ast.unparse(one) == "overload" for one in node.decorator_list):
            continue
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                for method in node.body:
                    if isinstance(method, Function) and not method.name.startswith("_"):
                        yield f"{node.name}.{method.name}", method


def kernels(name: str) -> Iterator[Function]:
    """The functions of a file that are decorated with @jit."""
    for node in ast.walk(parse(name)):
        if isinstance(node, Function) and any(
            isinstance(one, ast.Name) and one.id == "jit" for one in node.decorator_list
        ):
            yield node


def imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Full names of what a statement imports; of `from a import b` it is a.b, which may be a module."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [f"{node.module}.{alias.name}" for alias in node.names]


def arrows(package: Path) -> Iterator[tuple[str, int, str]]:
    """File, line and file imported, for every import within a package: inside functions and for types only, too."""
    files = {path.relative_to(package).as_posix() for path in package.rglob("*.py")}
    for name in sorted(files):
        tree = ast.parse((package / name).read_text(encoding="utf-8"), filename=name)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            assert not (isinstance(node, ast.ImportFrom) and node.level), f"{name}:{node.lineno}: relative import"
            for full in imported(node):
                top, *rest = full.split(".")
                if top == package.name and (found := _file_of(rest, files)) not in (None, name):
                    yield name, node.lineno, str(found)


def _file_of(parts: list[str], files: set[str]) -> str | None:
    """The file that a dotted name is from: its own, or the longest part of it that is one."""
    for length in range(len(parts), -1, -1):
        for ending in (".py", "/__init__.py"):
            candidate = "/".join(parts[:length]) + ending
            if candidate.removeprefix("/") in files:
                return candidate.removeprefix("/")
    return None


def upwards(package: Path, depth: Mapping[str, int]) -> list[str]:
    """Imports of a room in a row above, or of another room in the same row."""
    return [f"{name}:{line} imports {target}" for name, line, target in arrows(package)
            if room_of(name) != room_of(target) and depth[room_of(target)] <= depth[room_of(name)]]


def circles(package: Path) -> list[list[str]]:
    """Files that import each other in a circle."""
    graph: dict[str, set[str]] = {}
    for name, _, target in arrows(package):
        graph.setdefault(name, set()).add(target)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return [error.args[1]]
    return []


def functions() -> Iterator[tuple[str, int]]:
    """Every function of the package with its number of code lines."""
    for name in FILES:
        lines = code_lines(name)
        for node in ast.walk(parse(name)):
            if isinstance(node, Function):
                yield f"{name}: {node.name}", len(lines & set(range(node.lineno, (node.end_lineno or 0) + 1)))


def test_every_room_is_in_the_table() -> None:
    """Files and rooms correspond."""
    assert {room_of(name) for name in FILES} == set(DEPTH)


@pytest.mark.parametrize("name", FILES)
def test_public_things_have_docstrings(name: str) -> None:
    """Modules, classes, functions and methods without a leading underscore; an empty file needs none."""
    if not code_lines(name):
        return
    missing = [title for title, node in public_definitions(name) if not ast.get_docstring(node)]
    assert not missing


def test_imports_run_downwards() -> None:
    """Only from rooms in the rows below, or from the same folder."""
    assert not upwards(PACKAGE, DEPTH)


def test_no_file_is_part_of_a_circle() -> None:
    """Not within a room either."""
    assert not circles(PACKAGE)


WRONG = "def later() -> None:\n    from house import {room}\n"


@pytest.mark.parametrize(("text", "up", "round"), [("", 0, 0), (WRONG.format(room="roof"), 1, 1),
                                                   (WRONG.format(room="cellar"), 0, 0)])
def test_an_arrow_inside_a_function_is_seen(tmp_path: Path, text: str, up: int, round: int) -> None:
    """A house of two rooms, to which an import inside a function is added."""
    house = tmp_path / "house"
    house.mkdir()
    (house / "roof.py").write_text("from house import wall\n")
    (house / "wall.py").write_text(text)
    (house / "cellar.py").write_text("")
    depth = {"roof": 0, "wall": 1, "cellar": 2}
    assert len(upwards(house, depth)) == up and len(circles(house)) == round


def test_generic_code_names_no_system() -> None:
    """Neither imports of a system's folder nor its name as a string."""
    found = []
    for name in FILES:
        if not name.startswith(GENERIC):
            continue
        for node in ast.walk(parse(name)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                found += [f"{name}:{node.lineno}" for full in imported(node)
                          if full.startswith("theorysim.") and (set(full.split(".")[1:2]) & SYSTEM_NAMES)]
            elif isinstance(node, ast.Constant) and node.value in SYSTEM_NAMES:
                found.append(f"{name}:{node.lineno}")
    assert not found


@pytest.mark.parametrize("name", [name for name in FILES if name != JIT])
def test_one_place_compiles(name: str) -> None:
    """No other file imports numba, inside functions neither."""
    for node in ast.walk(parse(name)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            assert not any(full.split(".")[0] == "numba" for full in imported(node)), f"line {node.lineno}"


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_draw_nothing(name: str) -> None:
    """No random module, no .random attribute."""
    for node in ast.walk(parse(name)):
        if isinstance(node, ast.Attribute):
            assert node.attr != "random", f"line {node.lineno}"
        if isinstance(node, ast.Import | ast.ImportFrom):
            assert not any("random" in full.split(".") for full in imported(node)), f"line {node.lineno}"


def test_kernels_are_found() -> None:
    """The rules below are about something."""
    assert any(True for name in KERNELS for _ in kernels(name))


@pytest.mark.parametrize("name", [name for name in FILES if name not in KERNELS])
def test_kernels_live_in_their_room(name: str) -> None:
    """Nothing is compiled elsewhere."""
    assert not list(kernels(name))


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_are_small(name: str) -> None:
    """At most 10 arguments and 50 lines of code."""
    lines = code_lines(name)
    for kernel in kernels(name):
        given = kernel.args
        count = len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs)
        assert count <= MAX_KERNEL_ARGUMENTS and not given.vararg and not given.kwarg, kernel.name
        size = len(lines & set(range(kernel.lineno, (kernel.end_lineno or 0) + 1)))
        assert size <= MAX_KERNEL_LINES, f"{kernel.name} has {size} lines of code"


@pytest.mark.parametrize("name", FILES)
def test_modules_are_small(name: str) -> None:
    """At most 280 lines of code."""
    assert len(code_lines(name)) <= MAX_MODULE_LINES


def test_functions_are_small() -> None:
    """At most 60 lines of code, half of them at most 5; half of the modules at most 76."""
    sizes = dict(functions())
    assert not {name: size for name, size in sizes.items() if size > MAX_FUNCTION_LINES}
    assert statistics.median(sizes.values()) <= MEDIAN_FUNCTION_LINES
    assert statistics.median(len(code_lines(name)) for name in FILES if code_lines(name)) <= MEDIAN_MODULE_LINES


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith("cli/")])
def test_nothing_is_printed(name: str) -> None:
    """Except by the command line."""
    printing = [
        node.lineno
        for node in ast.walk(parse(name))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not printing
