"""``labsyn bench check``: try a bench before a measurement."""

import contextlib
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from labsyn.cli.console import FAILED, OK, UNREACHABLE, UNSAFE, Json, print_json

_CODES = {
    "ok": OK,
    "warning": OK,
    "failed": FAILED,
    "unreachable": UNREACHABLE,
    "unsafe": UNSAFE,
}


def check(
    bench: Annotated[Path, typer.Argument(help="A bench file (TOML).")],
    drive: Annotated[
        bool, typer.Option("--drive", help="Let the reader read the device once, at 0.1 V.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Open each instrument, move the relays, compare the limits; nothing is driven.

    Leaves with 0 if all is well, 1 if something failed, 3 if an instrument cannot be reached,
    4 if one could not be switched off.
    """
    from labsyn.drivers.bench_check import check_bench
    from labsyn.drivers.config import load_config

    found = []
    with contextlib.closing(check_bench(load_config(bench), drive=drive)) as findings:
        for finding in findings:
            found.append(finding)
            if not as_json:
                typer.echo(f"{finding.level:<12}{finding.what}: {finding.text}")
    if as_json:
        print_json([asdict(finding) for finding in found])
    code = max(_CODES[finding.level] for finding in found)
    if code != OK:
        raise typer.Exit(code)
