"""House rules, read off the source: docstrings, kernels, sizes, the direction of imports, no printing."""

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "theorysim"
FILES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
KERNELS = [name for name in FILES if "/kernels/" in name or name.endswith("/kernel.py")]
JIT = "core/jit.py"

# Rooms from the top down; the files of a folder are one room. A room may import from the rows below its own, and
# from itself. A new module needs a place here and in docs/contributing.md.
LAYERS = (
    ("__main__",),
    ("cli",),
    ("__init__",),
    ("papers",),
    ("reproduce",),
    ("plot",),
    ("strategies",),
    ("sweep",),
    ("scaling",),
    ("check",),
    ("theory",),
    ("systems",),
    ("storage",),
    ("oscillation",),
    ("linear", "reweighting"),
    ("patch",),
    ("rare_event",),
    ("core",),
)
DEPTH = {room: depth for depth, rooms in enumerate(LAYERS) for room in rooms}

MAX_MODULE_LINES = 300
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


def imports_at_load(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Import statements that run when the module does: not inside a function, not under TYPE_CHECKING."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            for other in child.orelse:
                yield from imports_at_load(other)
        elif not isinstance(child, Function):
            yield from imports_at_load(child)


def imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Full names of what a statement imports; of `from a import b` it is a.b, which may be a module."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [f"{node.module}.{alias.name}" for alias in node.names]


def rooms_imported(name: str) -> Iterator[tuple[int, str]]:
    """Line number and room of everything a file imports from the package when it is loaded."""
    for node in imports_at_load(parse(name)):
        assert not (isinstance(node, ast.ImportFrom) and node.level), f"{name}:{node.lineno}: relative import"
        for full in imported(node):
            top, *rest = full.split(".")
            if top == "theorysim":
                yield node.lineno, rest[0] if rest and rest[0] in DEPTH else "__init__"


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


@pytest.mark.parametrize("name", FILES)
def test_imports_run_downwards(name: str) -> None:
    """Only from rooms in the rows below, or from the same folder."""
    own = room_of(name)
    upwards = [
        f"line {line}: {own} imports {room}"
        for line, room in rooms_imported(name)
        if DEPTH[room] <= DEPTH[own] and room != own
    ]
    assert not upwards


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
    """At most 300 lines of code."""
    assert len(code_lines(name)) <= MAX_MODULE_LINES


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith("cli/")])
def test_nothing_is_printed(name: str) -> None:
    """Except by the command line."""
    printing = [
        node.lineno
        for node in ast.walk(parse(name))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not printing
