"""``labsyn bench``: the bench itself, apart from any measurement."""

import threading
from pathlib import Path
from typing import Annotated

import typer

from labsyn.cli.bench_check import check
from labsyn.cli.bench_file import init, schema, show

app = typer.Typer(
    help="The bench itself: init, show, check, schema, off, serve (simulated, over TCP).",
    no_args_is_help=True,
)
app.command("init")(init)
app.command("show")(show)
app.command("check")(check)
app.command("schema")(schema)


@app.command()
def serve(
    bench: Annotated[
        Path | None, typer.Option(help="A bench file with a [simulation] section.")
    ] = None,
    device: Annotated[str, typer.Option(help="Simulate this device instead.")] = "",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulated device.")] = 0,
    port_base: Annotated[int, typer.Option(help="Port of the first instrument.")] = 5025,
    host: Annotated[
        str, typer.Option(help="Interface; other than loopback on purpose only.")
    ] = ("127.0.0.1"),
) -> None:
    """Serve the simulated instruments as TCP line servers until Ctrl-C."""
    from labsyn.data.errors import ConfigError
    from labsyn.drivers.config import load_config
    from labsyn.drivers.simulated.bench import SimulatedBench
    from labsyn.drivers.simulated.server import BenchServer

    if (bench is None) == (not device):
        raise ConfigError("give either --bench FILE or --device NAME")
    simulated = (
        SimulatedBench.from_config(load_config(bench))
        if bench
        else SimulatedBench.default(device, seed)
    )
    with BenchServer(simulated, port_base, host) as server:
        for resource, (address, port) in server.addresses.items():
            typer.echo(f"{resource}: TCPIP0::{address}::{port}::SOCKET (lines end with LF)")
        threading.Event().wait()  # the servers have threads of their own


@app.command()
def off(
    bench: Annotated[Path, typer.Argument(help="The bench file of a real bench.")],
) -> None:
    """Make a real bench safe from outside, while another program drives it or hangs."""
    from labsyn.cli.console import UNSAFE
    from labsyn.data.errors import ConfigError
    from labsyn.drivers.config import load_config
    from labsyn.drivers.emergency import make_safe_by_second_session
    from labsyn.drivers.surroundings import emergency_targets

    config = load_config(bench)
    if config.is_simulated:
        raise ConfigError(f"{bench} has a [simulation]: nothing real is there to switch off")
    targets = emergency_targets(config)
    failures = {each.target: str(each) for each in make_safe_by_second_session(targets)}
    for target in targets:
        typer.echo(failures.get(target, f"{target.name} at {target.resource} is safe"))
    if failures:
        raise typer.Exit(UNSAFE)
