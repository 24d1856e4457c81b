"""CSV as PyMeasure writes it: a header in comments, then columns called ``name (unit)``.

PyMeasure reads it with ``Results.load``, `labsyn import` as one of PyMeasure's. Numbers have
all the digits that tell them from their neighbours.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from labsyn.data.exporters.origin import kept_rows, left_out_blocks, origin

if TYPE_CHECKING:
    from labsyn.data.run import Run

# PyMeasure imports what stands here, and fails where it cannot and there are parameters. What
# every PyMeasure has is its base class; the metadata name the procedure.
_PROCEDURE = "pymeasure.experiment.procedure.Procedure"

_SAID = ("procedure", "status", "reason", "start_time", "end_time", "uuid")


def write_csv(run: "Run", path: Path) -> list[str]:
    """Write the columns of a run; return what is to be said of it."""
    table = run.frame()
    table.columns = [f"{name} ({run.units[name] or '1'})" for name in run.columns]
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("\n".join(_header(run)) + "\n")
        table.to_csv(file, index=False, na_rep="nan", lineterminator="\n")
    return [*kept_rows(run), *left_out_blocks(run)]


def _header(run: "Run") -> list[str]:
    units = run.parameter_units
    parameters = {
        name: f"{value} {units.get(name, '')}".strip() for name, value in run.parameters.items()
    }
    return [
        f"#Procedure: <{_PROCEDURE}>",
        "#Parameters:",
        *_lines(parameters),
        "#Metadata:",
        *_lines({name: getattr(run, name) for name in _SAID} | origin(run)),
        "#Data:",
    ]


def _lines(texts: dict[str, str]) -> list[str]:
    # PyMeasure escapes in this way what would break the line, and what is not ASCII.
    return [
        f"#\t{name}: {text.encode('unicode_escape').decode()}" for name, text in texts.items()
    ]
