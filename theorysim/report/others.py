"""What a page says of studies, of tables, and of values that it does not know."""

from typing import Any

from theorysim.report.code import HOME, NoCodeError, imports_of, spelled
from theorysim.report.foreign import sanitised
from theorysim.report.markdown import parts_of
from theorysim.report.parts import Code, Folded, Grouped, Part, Section, Text, clean, table_of
from theorysim.report.pictures import picture, shown

STUDY = ("name", "title", "text", "tables", "figure")
KNOWN = ("_repr_html_", "code", "plot")  # what a value must have one of


def is_study(value: Any) -> bool:
    """Whether it is what a reproduction returns."""
    return all(hasattr(value, name) for name in STUDY)


def study(value: Any) -> Section:
    """Text, figure, tables, and the command and the code that make them again, where it says with which options."""
    tables = tuple(table_of(frame, clean(name)) for name, frame in value.tables.items())
    folded = (Folded(f"{len(tables)} table{'s' if len(tables) > 1 else ''}", tables),) if tables else ()
    return Section(value.title, (shown(value.figure, value.title), *parts_of(value.text), *folded, *_again(value)))


def _again(value: Any) -> tuple[Part, ...]:
    options = getattr(value, "options", None)
    if options is None:
        return (Text("It was not made by reproduce(): which options it was made with is not known."),)
    packages: set[str] = set()
    try:
        given = "".join(f", {name}={spelled(one, packages)}" for name, one in options.items())
    except NoCodeError as error:
        return (Text(f"It cannot be made again from code alone: {error}."),)
    imports = f"{imports_of(packages)}\nfrom {HOME}.reproduce import reproduce" if packages else (
        f"from {HOME}.reproduce import reproduce")
    code = Code(f"{imports}\nreport = reproduce({value.name!r}{given})")
    if set(options) - {"seeds"}:
        return (code,)
    seeds = f" --seeds {options['seeds']}" if "seeds" in options else ""
    return Code(f"{HOME} reproduce {value.name}{seeds}", "sh"), code


def is_known(value: Any) -> bool:
    """Whether there is something to show of it."""
    return not isinstance(value, type) and any(callable(getattr(value, name, None)) or isinstance(
        getattr(value, name, None), str) for name in KNOWN)


def other(value: Any) -> Section:
    """Its repr, its HTML without what a page must not have, its picture, and its code."""
    parts: list[Part] = [Code(clean(repr(value)), "text")]
    if html := _of(value, "_repr_html_"):
        parts.append(Grouped(sanitised(html)))
    if callable(getattr(value, "plot", None)):
        parts.append(picture(value.plot, f"{type(value).__name__}.plot()", arrange=False))
    if code := _of(value, "code"):
        parts.append(Code(clean(code)))
    else:
        parts.append(Text("It says no code that makes it again."))
    return Section(type(value).__name__, tuple(parts))


def _of(value: Any, name: str) -> str:
    """A text that an attribute is, or returns."""
    found = getattr(value, name, None)
    found = found() if callable(found) else found
    return found if isinstance(found, str) else ""
