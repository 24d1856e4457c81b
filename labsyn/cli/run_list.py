"""``labsyn run --list`` and ``labsyn run NAME --help``: what there is, and what it takes."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from labsyn.cli.console import print_json, print_table, say

if TYPE_CHECKING:
    from labsyn.procedures.base import BenchProcedure


def list_procedures(*, as_json: bool) -> None:
    """Print a line for each procedure; files that are broken are told of on stderr."""
    from labsyn.procedures.catalogue import list_procedures
    from labsyn.procedures.description import summary_of

    found = list_procedures()
    if as_json:
        print_json({name: _facts(kind, found.origins) for name, kind in found.kinds.items()})
    else:
        rows = [
            [name, summary_of(kind), ", ".join(kind.ROLES), found.origins.get(name, "")]
            for name, kind in found.kinds.items()
        ]
        heads = ["procedure", "what it does", "roles", "from"]
        if not found.origins:
            heads, rows = heads[:3], [row[:3] for row in rows]
        print_table("", heads, rows)
        typer.echo("labsyn run NAME --help shows the parameters of one")
    for sentence in found.broken:
        say(sentence)


def describe(kind: "type[BenchProcedure]", *, as_json: bool) -> None:
    """Print what a procedure says of itself, and its parameters."""
    from labsyn.procedures.catalogue import describe_parameters
    from labsyn.procedures.description import text_of

    if as_json:
        print_json(_facts(kind, {}))
        return
    typer.echo(f"{kind.name()}, on a bench with {' and '.join(kind.ROLES) or 'no role'}\n")
    typer.echo(f"{text_of(kind)}\n")
    heads = ["parameter", "default", "allowed", "meaning"]
    print_table("", heads, describe_parameters(kind))
    typer.echo("give one with --set NAME=VALUE; 'labsyn run --help' shows all other options")


def _facts(kind: "type[BenchProcedure]", origins: dict[str, str]) -> dict[str, Any]:
    from labsyn.procedures.description import parameters_of, summary_of

    return {
        "summary": summary_of(kind),
        "roles": list(kind.ROLES),
        "from": origins.get(kind.name(), ""),
        "columns": {column.name: column.unit for column in kind.COLUMNS},
        "parameters": [asdict(parameter) for parameter in parameters_of(kind)],
    }
