"""``labsyn bench init | show | schema``: bench files, without opening anything."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labsyn.cli.console import Json, print_json, print_table

if TYPE_CHECKING:
    from labsyn.drivers.bench_model import BenchConfig
    from labsyn.drivers.limits import Limits

_OF_SOURCES = ("voltage", "current", "power", "pulse_width", "pulse_charge", "pulse_energy")
_OF_FIELDS = ("field", "field_slew")
_HEADS = ["role", "instrument", "driver", "resource", "output", "relays", "terminal", "limits"]


def show(
    bench: Annotated[Path, typer.Argument(help="A bench file (TOML).")],
    as_json: Json = False,
) -> None:
    """Show who plays which role through which relays, within which limits; opens nothing."""
    from labsyn.drivers.config import load_config

    config = load_config(bench)
    wiring, limits = _wiring(config), _limits(config)
    if as_json:
        print_json(
            {
                "simulated": config.is_simulated,
                "wiring": wiring,
                "ground": config.ground,
                "limits": limits,
            }
        )
        return
    rows = [[_cell(row[head]) for head in _HEADS] for row in wiring]
    print_table(f"{bench}: {_kind(config)}", _HEADS, rows)
    typer.echo(f"ground: {', '.join(config.ground) or 'none'}")
    heads = ["limit", "value", "from"]
    print_table(
        "limits", heads, [[row[h] for h in ("limit", "text", "section")] for row in limits]
    )


def schema() -> None:
    """Print the JSON schema of bench files, for editors."""
    from labsyn.drivers.bench_model import json_schema

    print_json(json_schema())


def init(
    kind: Annotated[str, typer.Argument(help="Which bench; a wrong name lists all.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The file to write.")] = Path(
        "bench.toml"
    ),
) -> None:
    """Write a commented bench file to start from; never over one that is there."""
    from labsyn.data.errors import StorageError
    from labsyn.drivers.config import starter

    text = starter(kind)
    try:
        with out.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise StorageError(f"{out} is there already; choose another name with -o") from None
    except OSError as error:
        raise StorageError(f"cannot write {out}: {error.strerror}") from error
    typer.echo(
        f"written: {out}\nnext: put your addresses and limits in, then\n"
        f"  labsyn bench show {out}\n  labsyn bench check {out}"
    )


def _kind(config: "BenchConfig") -> str:
    simulation = config.simulation
    if simulation is None:
        return "a real bench"
    device = f"{simulation.device}, seed {simulation.seed}"
    if config.is_simulated:
        return f"a simulated bench ({device})"
    return f"a real bench, with a simulated twin ({device})"


def _wiring(config: "BenchConfig") -> list[dict[str, Any]]:
    """Return one entry for each way from an output to a terminal."""
    rows = [row for role in config.roles.played() for row in _ways(config, role)]
    for output, terminal in config.wiring.items():
        name, _, channel = output.partition("/")
        rows.append(_row(config, "", name, channel, [], terminal, _OF_SOURCES))
    used = {row["instrument"] for row in rows}
    rows += [
        _row(config, "", name, "", [], "", ())
        for name in config.instruments
        if name not in used
    ]
    return rows


def _ways(config: "BenchConfig", role: str) -> list[dict[str, Any]]:
    from labsyn.drivers.bench_model import FieldRole, SourceRole

    part = config.roles.played()[role]
    if isinstance(part, FieldRole):
        rows = [_row(config, role, part.instrument, "coil", [], "", _OF_FIELDS)]
        if part.gaussmeter:
            rows.append(_row(config, f"{role}, measured", part.gaussmeter, "", [], "", ()))
        return rows
    if not isinstance(part, SourceRole):
        return [_row(config, role, part.instrument, "", [], "", ())]
    rows = []
    output = config.output_name(part)
    for way in config.ways(role):
        name = f"{role}, die {way.die}" if way.die else role
        row = _row(config, name, part.instrument, output, way.relays, way.terminal, ())
        rows.append(row | {"limits": _set(way.limits, _OF_SOURCES)})
    return rows


def _row(
    config: "BenchConfig", role: str, name: str, output: str, relays: list[str],
    terminal: str, keys: tuple[str, ...],
) -> dict[str, Any]:  # fmt: skip
    instrument = config.instruments.get(name)
    return {
        "role": role,
        "instrument": name,
        "driver": instrument.driver if instrument else "",
        "resource": instrument.resource if instrument else "",
        "output": output,
        "relays": relays,
        "terminal": terminal,
        "limits": _set(config.limits_of(terminal), keys),
    }


def _set(limits: "Limits", keys: tuple[str, ...]) -> dict[str, float]:
    """Return those of the limits that are set."""
    return {key: value for key, value in limits.to_dict().items() if key in keys}


def _cell(value: Any) -> str:
    from labsyn.data.units import format_quantity
    from labsyn.drivers.limits import UNITS

    if isinstance(value, dict):
        return "\n".join(f"{k} {format_quantity(v, UNITS[k])}" for k, v in value.items())
    return ", ".join(value) if isinstance(value, list) else str(value)


def _limits(config: "BenchConfig") -> list[dict[str, Any]]:
    """Return every limit that is set: of the bench, and the stricter ones of its parts."""
    from labsyn.data.units import format_quantity
    from labsyn.drivers.bench_model import given
    from labsyn.drivers.limits import UNITS

    sections: dict[str, dict[str, float]] = {"[limits]": config.limits_of().to_dict()}
    for kind in ("terminals", "devices"):
        for name, tighter in getattr(config.limits, kind).items():
            sections[f"[limits.{kind}.{name}]"] = given(tighter)
    defaults = set(config.limits_of().to_dict()) - given(config.limits).keys()
    return [
        {
            "limit": key,
            "value": value,
            "text": format_quantity(value, UNITS[key]).strip(),
            "section": "default" if section == "[limits]" and key in defaults else section,
        }
        for section, values in sections.items()
        for key, value in values.items()
        if math.isfinite(value)
    ]
