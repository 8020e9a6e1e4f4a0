"""An invoice as a PDF: A4, the text selectable, as many pages as its lines need.

The fonts are those that every reader of PDFs has (Helvetica), so what is not in their alphabet
(Latin) is written without its accents, or as a question mark.
"""

import io
import unicodedata
from typing import Any

import pydyf  # type: ignore[import-untyped]  # it has no types

WIDTH, HEIGHT = 595, 842
LEFT, RIGHT, TOP, BOTTOM = 56, 539, 780, 80
LEADING = 14
DARK, GRAY, RULE = (0.13, 0.16, 0.2), (0.42, 0.46, 0.52), (0.85, 0.87, 0.9)
COLUMNS = {"quantity": 385, "rate": 465, "amount": RIGHT}
DESCRIPTION_WIDTH = 250

# Widths of Helvetica's letters from the blank to the tilde, in thousandths of the size.
_WIDTHS = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 "
    "556 556 556 556 556 556 556 556 556 556 278 278 584 584 584 556 "
    "1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 "
    "667 778 722 667 611 722 667 944 667 667 611 278 278 278 469 556 "
    "333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 "
    "556 556 333 500 278 556 500 722 500 500 500 334 260 334 584"
)
WIDTHS = {chr(32 + i): int(width) for i, width in enumerate(_WIDTHS.split())}
WIDTHS |= {"·": 278, "×": 584}


def pdf_of(paper: dict[str, Any]) -> bytes:
    """The PDF of what stands on an invoice or a credit note (see invoice_pages.paper)."""
    sheets = _Sheets()
    _head(sheets, paper)
    _lines(sheets, paper["lines"])
    _totals(sheets, paper)
    return sheets.written(f"{paper['title']} {paper['number']}")


class _Sheets:
    """The pages so far, and how far down the last one is filled."""

    def __init__(self) -> None:
        self.streams: list[Any] = []
        self.y = 0.0
        self.turn()

    def turn(self) -> None:
        """Begin a page."""
        self.streams.append(pydyf.Stream(compress=False))
        self.y = TOP

    def room(self, needed: float) -> bool:
        """Is there room on this page? If not, a new one begins."""
        if self.y - needed >= BOTTOM:
            return True
        self.turn()
        return False

    def write(
        self,
        x: float,
        text: str,
        *,
        size: float = 10,
        bold: bool = False,
        color: tuple[float, float, float] = DARK,
        right: bool = False,
    ) -> None:
        """Write at this height; `right` ends the text at x."""
        start = x - width(text, size, bold=bold) if right else x
        stream = self.streams[-1]
        stream.begin_text()
        stream.set_color_rgb(*color)
        stream.set_font_size("B" if bold else "R", size)
        stream.set_text_matrix(1, 0, 0, 1, round(start, 2), round(self.y, 2))
        stream.show_text(_string(text))
        stream.end_text()

    def rule(self) -> None:
        stream = self.streams[-1]
        stream.set_color_rgb(*RULE, stroke=True)
        stream.set_line_width(0.7)
        stream.move_to(LEFT, self.y)
        stream.line_to(RIGHT, self.y)
        stream.stroke()

    def written(self, title: str) -> bytes:
        """The whole document."""
        document = pydyf.PDF()
        document.info["Title"] = pydyf.String(latin(title).decode("cp1252"))
        document.info["Producer"] = pydyf.String("tallygate sandbox")
        fonts = pydyf.Dictionary()
        for name, font in (("R", "Helvetica"), ("B", "Helvetica-Bold")):
            made = pydyf.Dictionary(
                {
                    "Type": "/Font",
                    "Subtype": "/Type1",
                    "BaseFont": f"/{font}",
                    "Encoding": "/WinAnsiEncoding",
                }
            )
            document.add_object(made)
            fonts[name] = made.reference
        for number, stream in enumerate(self.streams, 1):
            self._footer(stream, f"{title} · page {number} of {len(self.streams)}")
            document.add_object(stream)
            document.add_page(_page(stream, fonts))
        return _bytes(document)

    def _footer(self, stream: Any, text: str) -> None:
        current, self.streams = self.streams, [stream]
        self.y = BOTTOM - 34
        self.write(LEFT, "Sandbox: no money moves", size=8, color=GRAY)
        self.write(RIGHT, text, size=8, color=GRAY, right=True)
        self.streams = current


def _string(text: str) -> bytes:
    """A text as a page's content spells it, in the fonts' own encoding."""
    escaped = latin(text)
    for special in (b"\\", b"(", b")"):
        escaped = escaped.replace(special, b"\\" + special)
    return b"(" + escaped.replace(b"\r", b" ").replace(b"\n", b" ") + b")"


def latin(text: str) -> bytes:
    """A text in WinAnsi: accents that it lacks are dropped, other letters are question marks."""
    written = b""
    for letter in text:
        try:
            written += letter.encode("cp1252")
        except UnicodeEncodeError:
            plain = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore")
            written += plain or b"?"
    return written


def width(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a text is, in points. Bold digits are as wide as others, bold letters wider."""
    thousandths = 0.0
    for byte in latin(text):
        letter = chr(byte)
        wider = 1.07 if bold and letter.isalpha() else 1
        thousandths += WIDTHS.get(letter, 556) * wider
    return thousandths * size / 1000


def wrapped(text: str, size: float, most: float) -> list[str]:
    """A text in lines of at most this width; a longer word is cut."""
    lines, line = [], ""
    for word in text.split():
        rest = word
        while width(rest, size) > most:
            fits = next(n for n in range(len(rest), 0, -1) if width(rest[:n], size) <= most)
            if line:
                lines.append(line)
            lines.append(rest[:fits])
            line, rest = "", rest[fits:]
        joined = f"{line} {rest}".strip()
        if width(joined, size) <= most:
            line = joined
        else:
            lines.append(line)
            line = rest
    return [*lines, line]


def _head(sheets: _Sheets, paper: dict[str, Any]) -> None:
    sheets.write(LEFT, paper["title"], size=24, bold=True)
    sheets.write(RIGHT, paper["seller"], size=12, bold=True, right=True)
    sheets.y -= 34
    facts = [("Number", paper["number"]), ("Issued", paper["issued"])]
    facts += [("Due", paper["due"])] if paper["due"] else []
    facts += [("Status", paper["status"])]
    start = sheets.y
    for label, value in facts:
        sheets.write(LEFT, label, color=GRAY)
        sheets.write(LEFT + 60, value)
        sheets.y -= LEADING
    left_end, sheets.y = sheets.y, start
    sheets.write(320, "Bill to", color=GRAY)
    for text in paper["customer"]:
        sheets.write(370, wrapped(text, 10, RIGHT - 370)[0])
        sheets.y -= LEADING
    sheets.y = min(left_end, sheets.y) - 18
    sheets.write(LEFT, paper["said"], size=16, bold=True)
    sheets.y -= 34
    _columns(sheets)


def _columns(sheets: _Sheets) -> None:
    sheets.write(LEFT, "Description", size=9, color=GRAY)
    for name, x in COLUMNS.items():
        sheets.write(x, name.capitalize(), size=9, color=GRAY, right=True)
    sheets.y -= 8
    sheets.rule()
    sheets.y -= LEADING + 4


def _lines(sheets: _Sheets, lines: list[dict[str, str]]) -> None:
    for line in lines:
        described = wrapped(line["description"], 10, DESCRIPTION_WIDTH)
        if not sheets.room(LEADING * (len(described) + 1)):
            _columns(sheets)
        for name, x in COLUMNS.items():
            sheets.write(x, line[name], right=True)
        for text in described:
            sheets.write(LEFT, text)
            sheets.y -= LEADING
        sheets.write(LEFT, line["period"], size=8, color=GRAY)
        sheets.y -= LEADING + 4


def _totals(sheets: _Sheets, paper: dict[str, Any]) -> None:
    sheets.room(LEADING * (len(paper["totals"]) + 3))
    sheets.rule()
    sheets.y -= LEADING + 6
    last = paper["last"]
    for label, amount in [*paper["totals"], last]:
        strong = label in {"Total", last[0]}
        sheets.write(320, label, bold=strong)
        sheets.write(RIGHT, amount, bold=strong, right=True)
        sheets.y -= LEADING + 3
    for note in paper["notes"]:
        for text in wrapped(note, 9, RIGHT - LEFT):
            sheets.room(LEADING)
            sheets.write(LEFT, text, size=9, color=GRAY)
            sheets.y -= LEADING


def _page(stream: Any, fonts: Any) -> Any:
    return pydyf.Dictionary(
        {
            "Type": "/Page",
            "MediaBox": pydyf.Array([0, 0, WIDTH, HEIGHT]),
            "Contents": stream.reference,
            "Resources": pydyf.Dictionary({"Font": fonts}),
        }
    )


def _bytes(document: Any) -> bytes:
    out = io.BytesIO()
    document.write(out)
    return out.getvalue()
