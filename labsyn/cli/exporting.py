"""``labsyn export``: runs for other programs, and fitted devices for other simulators."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from labsyn.cli import import_options as given
from labsyn.cli.console import Json, print_json, tell

EXAMPLES = """\b
Examples:
  labsyn export runs/*.h5 --to csv -o tables         a file a run
  labsyn export RUN.h5 --to netcdf                   beside the run
  labsyn export RUN.h5 --to aihwkit -o devices       the fitted device
  labsyn export set.csv reset.csv --to neurosim      measured by somebody else
"""

_FILES = (".csv", ".parquet", ".nc", ".zip", ".json", ".crosssim")  # -o names one of these


@dataclass(frozen=True)
class _Done:
    """What was written of one run or device, and what is to be said of it."""

    source: str
    files: list[Path]
    notes: list[str]

    def to_dict(self) -> dict[str, Any]:
        files = [str(file) for file in self.files]
        return {"source": self.source, "files": files, "notes": self.notes}


def export(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Runs (.h5), or files of one device that labsyn fit reads."),
    ],
    to: Annotated[
        str,
        typer.Option(help="csv, parquet, netcdf or zip; or aihwkit, crosssim or neurosim."),
    ],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="File, or folder (default: beside the run)."),
    ] = None,
    unit: given.Unit = "",
    force: Annotated[bool, typer.Option("--force", help="Write over what is there.")] = False,
    as_json: Json = False,
) -> None:
    """Write runs for other programs, or the fitted device for another simulator.

    csv, parquet and netcdf hold every row, flagged or not; zip packs a run, its sidecars and
    their checksums. aihwkit, crosssim and neurosim start from a fit, which leaves flagged
    rows out, and refuse a device that they cannot express. Nothing is written over without
    --force.
    """
    from labsyn.analysis.simulators.formats import DEVICE_FORMATS
    from labsyn.data.errors import ConfigError
    from labsyn.data.exporters.formats import RUN_FORMATS

    if to in RUN_FORMATS:
        if unit:
            raise ConfigError(f"--unit is for simulators; for {to} import the file first")
        done = _runs(paths, to, out, force)
    elif to in DEVICE_FORMATS:
        done = _devices(paths, to, out, unit, force)
    else:
        known = ", ".join([*RUN_FORMATS, *DEVICE_FORMATS])
        raise ConfigError(f"--to is {to!r}; it must be one of {known}")
    if as_json:
        print_json([item.to_dict() for item in done])
        return
    for item in done:
        for file in item.files:
            typer.echo(f"written: {file}")
        whose = f"{item.source}: " if len(done) > 1 else ""
        for note in item.notes:
            tell(f"note: {whose}{note}")


def _runs(paths: list[Path], to: str, out: Path | None, force: bool) -> list[_Done]:
    from labsyn.data.exporters.formats import RUN_FORMATS, export_run
    from labsyn.data.run import Run

    targets = _targets(paths, out, RUN_FORMATS[to].suffix, force)
    done = []
    for path, target in zip(paths, targets, strict=True):
        notes = export_run(Run.open(path), to, target, force=force)
        done.append(_Done(str(path), [target], notes))
    return done


def _devices(
    paths: list[Path], to: str, out: Path | None, unit: str, force: bool
) -> list[_Done]:
    from labsyn.analysis.simulators.device import MeasuredDevice
    from labsyn.analysis.simulators.formats import DEVICE_FORMATS
    from labsyn.data.curves import load_curves
    from labsyn.data.run import is_run_file

    # Each run is a device; set.csv and reset.csv together are one.
    groups = [[path] for path in paths] if all(map(is_run_file, paths)) else [paths]
    format = DEVICE_FORMATS[to]
    targets = _targets([group[0] for group in groups], out, format.suffix, force)
    done = []
    for group, target in zip(groups, targets, strict=True):
        device = MeasuredDevice.of(load_curves(group, unit or None))
        files, said = format.write(device, target, force=force)
        notes = [*device.fit.notes, *device.unknown(), *said]
        done.append(_Done(device.fit.source, files, notes))
    return done


def _targets(paths: list[Path], out: Path | None, suffix: str, force: bool) -> list[Path]:
    """Return where each goes, once it is known that nothing is in the way."""
    from labsyn.data.errors import ConfigError
    from labsyn.data.exporters.target import check_new, check_no_source

    if out is not None and not out.is_dir() and out.suffix in _FILES:
        if not suffix.endswith(out.suffix):
            raise ConfigError(f"-o {out} is no {suffix} file; name one, or a folder")
        if len(paths) > 1:
            raise ConfigError(f"{out} is one file for {len(paths)} runs; name a folder with -o")
        targets = [out]
    else:
        targets = [
            (path.parent if out is None else out) / _name(path, suffix) for path in paths
        ]
    for i, target in enumerate(targets):
        if target in targets[:i]:
            raise ConfigError(f"two runs would become {target}; export them apart")
        check_no_source(target, paths)
        if not target.is_dir():
            check_new(target, force=force)
    return targets


def _name(path: Path, suffix: str) -> str:
    """Return NAME.suffix of NAME.h5, NAME.h5.part or NAME.csv."""
    return path.name.removesuffix(".part").rsplit(".", 1)[0] + suffix
