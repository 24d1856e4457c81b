"""``labsyn show``: everything that is known of a run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labsyn.cli.console import Json, print_json, print_table, tell
from labsyn.cli.labels import find_run

if TYPE_CHECKING:
    from labsyn.data.fit_metrics import Metric
    from labsyn.data.run import Run as StoredRun

_ELSEWHERE = ("parameters", "units")


def show(
    runs: Annotated[
        list[Path], typer.Argument(help="Run files, or the names of runs in runs/.")
    ],
    with_bench: Annotated[
        bool, typer.Option("--bench", help="Also print the bench file as it was read.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show everything of a run: how it was made, what happened, what was made of it."""
    from labsyn.data.run import Run as StoredRun

    paths = [find_run(run) for run in runs]
    found = [(stored := StoredRun.open(path), _beside(path, stored)) for path in paths]
    if as_json:
        print_json([_everything(stored, beside) for stored, beside in found])
        return
    for stored, beside in found:
        _show(stored, beside)
        if with_bench:
            text = stored.metadata.get("bench_file")
            tell(str(text or "no bench file was read"))


def _show(stored: "StoredRun", beside: dict[str, Any]) -> None:
    labels = {"tags": " ".join(beside["tags"]), "note": beside["note"]}
    first = {k: v for k, v in _summary(stored).items() if k not in _ELSEWHERE}
    _two_columns(str(stored.path), first | labels)
    _parameters(stored)
    _columns(stored)
    _blocks(stored)
    _surroundings(stored)
    _events(stored)
    _fit(beside["fit"])
    for problem in beside["problems"]:
        tell(f"note: {problem}")
    if stored.traceback:
        tell(stored.traceback)


def _summary(run: "StoredRun") -> dict[str, Any]:
    return {
        "file": str(run.path),
        "status": run.status,
        "reason": run.reason,
        "procedure": run.procedure,
        "started": run.start_time,
        "ended": run.end_time,
        "rows": run.n_rows,
        "flagged rows": run.n_flagged,
        "torn bytes": run.torn_bytes,
        "simulated": bool(run.metadata.get("simulated", False)),
        "uuid": run.uuid,
        "parameters": dict(run.parameters),
        "units": dict(run.units),
    }


def _everything(run: "StoredRun", beside: dict[str, Any]) -> dict[str, Any]:
    fit = {name: metric._asdict() for name, metric in beside["fit"].items()}
    told = {
        "duration": run.duration if run.duration == run.duration else None,
        "traceback": run.traceback,
        "parameter_units": dict(run.parameter_units),
        "blocks": {name: list(block.shape) for name, block in run.blocks.items()},
        "metadata": dict(run.metadata),
        "provenance": dict(run.provenance),
        "events": [dict(event) for event in run.events],
    }
    return _summary(run) | told | beside | {"fit": fit}


def _beside(path: Path, run: "StoredRun") -> dict[str, Any]:
    """Return tags, note and fit; what is wrong with them stops nothing."""
    from labsyn.data.errors import DataFileError
    from labsyn.data.fit_metrics import read_fit, read_metrics
    from labsyn.data.labels import Labels, read_labels

    problems: list[str] = []
    labels, metrics = Labels(), {}
    try:
        labels = read_labels(path)
    except DataFileError as error:
        problems.append(str(error))
    try:
        metrics = read_metrics(path)
        made_from = read_fit(path).get("source_sha256")
        if metrics and made_from != run.sha256():
            problems.append("the fit was made from another file, or from rows before the last")
    except DataFileError as error:
        problems.append(str(error))
    return {
        "tags": list(labels.tags),
        "note": labels.note,
        "fit": metrics,
        "problems": problems,
    }


def _parameters(run: "StoredRun") -> None:
    rows = [
        [name, _quantity(value, run.parameter_units.get(name, ""))]
        for name, value in run.parameters.items()
    ]
    print_table("parameters", ["name", "value"], rows)


def _columns(run: "StoredRun") -> None:
    rows = [[name, run.units[name], run.long_names[name]] for name in run.columns]
    print_table("columns", ["name", "unit", "meaning"], rows)


def _blocks(run: "StoredRun") -> None:
    rows = [
        [name, block.unit, " x ".join(map(str, block.shape)), block.long_name]
        for name, block in run.blocks.items()
    ]
    if rows:
        print_table("blocks", ["name", "unit", "shape", "meaning"], rows)


def _surroundings(run: "StoredRun") -> None:
    _imported(_mapping(run.metadata, "import"))
    for key in ("sample", "limits", "device_truth"):
        if mapping := _mapping(run.metadata, key):
            _two_columns(key.replace("_", " "), mapping)
    after = _mapping(run.metadata, "instruments_after")
    for name, instrument in _mapping(run.metadata, "instruments").items():
        if not isinstance(instrument, Mapping):
            continue
        plain = {k: v for k, v in instrument.items() if k != "settings"}
        settings = _mapping(instrument, "settings")
        ended = _mapping(after, name)
        changed = {
            f"{k}, before and after": f"{settings.get(k)} → {ended[k]}"
            for k in ended
            if ended[k] != settings.get(k)
        }
        same = {k: v for k, v in settings.items() if f"{k}, before and after" not in changed}
        _two_columns(f"instrument {name}", plain | same | changed)
    _two_columns("made with", run.provenance)


def _imported(told: Mapping[str, Any]) -> None:
    """Show what an import was made from, and how; nothing of a run that is none."""
    files = [(f.get("name"), f.get("sha256")) for f in told.get("files", ())]
    rows = [
        ["format", _text(told.get("format"))],
        *([f"{n}, SHA-256", str(s)] for n, s in files),
    ]
    rows += [[f"stated: {k}", _text(v)] for k, v in _mapping(told, "stated").items()]
    report = _mapping(told, "report")
    for kind in ("decisions", "warnings"):
        rows += [[kind.removesuffix("s"), str(sentence)] for sentence in report.get(kind, ())]
    if told:
        print_table("imported from", ["what", "value"], rows)


def _events(run: "StoredRun") -> None:
    if run.events:
        keys = ("time", "row", "kind", "text")
        rows = [[str(event.get(key, "")) for key in keys] for event in run.events]
        print_table("events", list(keys), rows)


def _fit(metrics: "Mapping[str, Metric]") -> None:
    rows = [
        [name, _quantity(found.value, found.unit), _error(found)]
        for name, found in metrics.items()
    ]
    if rows:
        print_table("fit", ["metric", "value", "standard error"], rows)


def _error(found: "Metric") -> str:
    error = found.standard_error
    return "" if error is None else _quantity(error, found.unit)


def _two_columns(title: str, mapping: Mapping[str, Any]) -> None:
    print_table(title, ["what", "value"], [[k, _text(v)] for k, v in mapping.items()])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _quantity(value: Any, unit: str) -> str:
    from labsyn.data.units import format_quantity

    if isinstance(value, float):
        return format_quantity(value, "" if unit == "1" else unit)
    return f"{_text(value)} {unit}".rstrip()


def _mapping(mapping: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    inner = mapping.get(key)
    return inner if isinstance(inner, Mapping) else {}
