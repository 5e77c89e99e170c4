"""HTML of values that this package does not know: what tables, texts and formulas are made of, and nothing else."""

from html import escape
from html.parser import HTMLParser

from markupsafe import Markup

from theorysim.report.parts import clean

VOID = ("br", "hr", "mspace")
KEPT = (*VOID, "p", "div", "span", "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "strong", "em", "b",
        "i", "code", "pre", "ul", "ol", "li", "dl", "dt", "dd", "sub", "sup", "h2", "h3", "h4", "h5", "h6", "math",
        "mrow", "mi", "mn", "mo", "mtext", "msqrt", "msub", "msup", "msubsup", "mover", "munder", "mfrac")
ATTRIBUTES = ("colspan", "rowspan", "title", "scope", "alttext", "width", "stretchy", "accent", "accentunder")
DROPPED = ("script", "style", "template", "svg", "iframe", "object", "noscript", "title", "textarea", "xmp")


def sanitised(html: str) -> Markup:
    """The same without scripts, styles, links, pictures and what else is not in :data:`KEPT`; every tag is closed."""
    reader = _Reader()
    reader.feed(clean(html))
    reader.close()
    return Markup("".join([*reader.pieces, *(f"</{one}>" for one in reversed(reader.open))]))


class _Reader(HTMLParser):
    """Writes anew what it reads."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.open: list[str] = []
        self.dropping = ""
        self.depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag that is kept, with the attributes that are."""
        if self.dropping:
            self.depth += tag == self.dropping
        elif tag in DROPPED:
            self.dropping, self.depth = tag, 1
        elif tag in KEPT:
            given = "".join(f' {name}="{escape(text or "")}"' for name, text in attrs if name in ATTRIBUTES)
            closed = "/" if tag in VOID else ""
            self.pieces.append(f"<{tag}{given}{closed}>")
            if tag not in VOID:
                self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag that is closed where it begins."""
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """It closes what was opened within it, too."""
        if self.dropping:
            self.depth -= tag == self.dropping
            self.dropping = self.dropping if self.depth else ""
        elif tag in self.open:
            while True:
                last = self.open.pop()
                self.pieces.append(f"</{last}>")
                if last == tag:
                    return

    def handle_data(self, data: str) -> None:
        """Text."""
        if not self.dropping:
            self.pieces.append(escape(data))
