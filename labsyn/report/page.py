"""One HTML page that needs nothing else: figures inside, no script, no network."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from labsyn.data.durability import write_text


@dataclass(frozen=True)
class Table:
    """A table of texts."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """A part of the page: a title, a paragraph, a table, figures (PNG) with captions."""

    title: str
    text: str = ""
    table: Table | None = None
    figures: Sequence[tuple[Path, str]] = field(default_factory=tuple)


def write_page(path: Path, title: str, lead: str, sections: Sequence[Section]) -> Path:
    """Write the page whole or not at all; return `path`."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("labsyn.report", ""), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["inline"] = _inline
    text = environment.get_template("page.html.j2").render(
        title=title,
        lead=lead,
        sections=sections,
        made=f"{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}",
    )
    return write_text(path, text)


def _inline(figure: Path) -> str:
    encoded = base64.b64encode(figure.read_bytes()).decode("ascii")
    return f"data:image/png;base64,{encoded}"
