"""The page: whole, escaped, and without anything from outside."""

from pathlib import Path

from labsyn.report.page import Section, Table, write_page


def test_texts_are_escaped(tmp_path: Path) -> None:
    section = Section("a < b", "<script>alert(1)</script>", Table(["<h>"], [["<b>x</b>"]]))
    page = write_page(tmp_path / "x.html", "<title>", "lead", [section])
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text
    assert not list(tmp_path.glob("*.tmp"))


def test_figures_are_inside(tmp_path: Path) -> None:
    figure = tmp_path / "x.png"
    figure.write_bytes(b"not really a picture")
    page = write_page(tmp_path / "x.html", "t", "l", [Section("s", figures=[(figure, "cap")])])
    figure.unlink()
    assert "data:image/png;base64,bm90IHJlYWxseSBhIHBpY3R1cmU=" in page.read_text("utf-8")
