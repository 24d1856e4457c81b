"""Trying a bench before a measurement: each instrument, relay and limit on its own."""

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from functools import partial

from labsyn.data.errors import (
    InstrumentDisconnected,
    LabsynError,
    LockedError,
    UnsafeShutdownError,
)
from labsyn.data.units import format_quantity
from labsyn.drivers.bench import Bench
from labsyn.drivers.bench_model import BenchConfig, SourceRole
from labsyn.drivers.clock import Clock
from labsyn.drivers.connection import Connection
from labsyn.drivers.finding import Finding
from labsyn.drivers.keithley3706a import Keithley3706A
from labsyn.drivers.pulse_generator import PulseGenerator
from labsyn.drivers.range_check import interlock_findings, role_findings
from labsyn.drivers.roles import Reading
from labsyn.drivers.safe_state import make_all_safe, unsafe
from labsyn.drivers.safety import StopSignals
from labsyn.drivers.surroundings import surroundings

_READ_VOLTAGE = 0.1
_OPEN = 1e-10  # siemens: 10 Gohm, which is air and the cable
_LOAD_TOLERANCE = 1e-5  # relative
_SHARED_LINES = {
    "GPIB": "on GPIB one controller serves all",
    "ASRL": "a serial line has one owner",
}


def check_bench(config: BenchConfig, *, drive: bool = False) -> Generator[Finding]:
    """Open each instrument, and try what a measurement would need of it.

    First every output goes to 0 V and off, as on leaving a bench. Then relays are closed and
    opened, the load of a pulse generator is set and read back, and limits are compared with
    ranges: nothing is driven. What fails does not stop the rest.

    Parameters
    ----------
    config : BenchConfig
        The bench.
    drive : bool
        Let the reader read once, at 0.1 V or what the limits allow; only if nothing failed.

    Yields
    ------
    Finding
        As soon as it is known.
    """
    good = True
    _, library, clock = surroundings(config)
    connections: dict[str, Connection] = {}
    with StopSignals() as signals:
        try:
            for finding in _look(config, library, clock, connections):
                good = good and finding.level in ("ok", "warning")
                yield finding
        except BaseException as error:
            failed = _close(connections, signals)
            if failed:
                raise unsafe(failed) from error
            raise
        failed = _close(connections, signals)
    yield from _unsafe(failed)
    if drive and good and not failed:
        yield from _tried("[roles.reader]", partial(_read_once, config))
    elif drive:
        yield Finding("[roles.reader]", "warning", "nothing was read: first mend what failed")


def _close(connections: Mapping[str, Connection], signals: StopSignals) -> dict[str, str]:
    """Make safe and close; return why, for each that could not be made safe."""
    with signals.hold():
        try:
            return make_all_safe(connections)
        finally:
            for connection in connections.values():
                connection.close()


def _look(
    config: BenchConfig, library: object, clock: Clock, connections: dict[str, Connection]
) -> Iterator[Finding]:
    """Yield all findings that need no voltage; `connections` takes what is opened."""
    for name in config.instruments:
        yield from _opened(config, name, library, clock, connections)
    failed = make_all_safe(connections)
    yield from _unsafe(failed)
    for name, connection in connections.items():
        instrument = connection.instrument
        yield from _tried(name, partial(interlock_findings, config, name, instrument))
    for role, part in config.roles.sources().items():
        yield from _tried(f"[roles.{role}]", partial(_load, role, part, connections))
    for role in config.roles.played():
        yield from _tried(f"[roles.{role}]", partial(role_findings, config, role, connections))
    safe = connections.keys() - failed.keys()
    yield from _relays(config, connections, sorted(config.wired_instruments() - safe))
    if not config.is_simulated:
        yield from _watchdog(config)


def _opened(
    config: BenchConfig,
    name: str,
    library: object,
    clock: Clock,
    connections: dict[str, Connection],
) -> Iterator[Finding]:
    instrument = config.instruments[name]
    try:
        connection = Connection.open(
            name, instrument, library, clock,
            exclusive=not config.is_simulated, options=config.options_of(name),
        )  # fmt: skip
    except (InstrumentDisconnected, LockedError) as error:
        yield Finding(name, "unreachable", str(error))
        return
    except Exception as error:  # whatever a driver raises must not stop the next one
        yield Finding(name, "failed", _sentence(error))
        return
    connections[name] = connection
    idn = connection.identity.idn
    yield Finding(name, "ok", f"{instrument.driver} at {instrument.resource}: {idn}")
    for text in connection.warnings:
        yield Finding(name, "warning", text)


def _load(
    role: str, part: SourceRole, connections: Mapping[str, Connection]
) -> Iterator[Finding]:
    """Set the load of a pulse generator, whose output is off, and read it back."""
    connection = connections.get(part.instrument)
    if connection is None or not isinstance(connection.instrument, PulseGenerator):
        return
    where, wanted = f"[roles.{role}]", part.load
    if wanted is None:  # refused with the bench file
        return
    output = connection.instrument.output_of(part.channel)
    before = output.output_load
    output.output_load = wanted
    taken = output.output_load
    told = f"load {format_quantity(wanted, 'ohm')}"
    if not math.isclose(taken, wanted, rel_tol=_LOAD_TOLERANCE):
        text = f"{told}: the generator took {format_quantity(taken, 'ohm')}"
        yield Finding(where, "failed", f"{text}; the device would get another voltage")
        return
    was = "" if before == taken else f"; it was {format_quantity(before, 'ohm')}"
    yield Finding(where, "ok", f"{told} set and read back{was}")


def _relays(
    config: BenchConfig, connections: Mapping[str, Connection], unknown: list[str]
) -> Iterator[Finding]:
    """Close and open each relay of a path, while every source is known to be at 0 V."""
    part = config.roles.switch
    channels = config.used_channels()
    if part is None or part.instrument not in connections or not channels:
        return
    if unknown:
        text = f"no relay was moved: nobody knows whether {' and '.join(unknown)} is at 0 V"
        yield Finding(part.instrument, "warning", text)
        return
    switch: Keithley3706A = connections[part.instrument].instrument
    for channel in channels:
        what = f"{part.instrument} {channel}"
        yield from _tried(what, partial(_moved, switch, what, channel))


def _moved(switch: Keithley3706A, what: str, channel: str) -> Iterator[Finding]:
    try:
        switch.close_channels(channel)
    finally:
        switch.open_channels(channel)
    yield Finding(what, "ok", "closes and opens")


def _watchdog(config: BenchConfig) -> Iterator[Finding]:
    """Say where nobody could help if this process were killed or hung."""
    if not config.watchdog:
        text = "watchdog = false: nobody makes the bench safe if the program is killed"
        yield Finding("watchdog", "warning", text)
    for name, instrument in config.instruments.items():
        why = _SHARED_LINES.get(instrument.resource.upper()[:4])
        if why:
            text = (
                f"{why}: while the program hangs in a read, no second session can switch "
                f"{name} off; its own limits must protect the device"
            )
            yield Finding(name, "warning", text)


def _read_once(config: BenchConfig) -> Iterator[Finding]:
    """Let the reader read, on the first die if it reaches none without."""
    where = "[roles.reader]"
    if config.roles.reader is None:
        yield Finding(where, "warning", "the bench has no reader: nothing was read")
        return
    way = config.ways("reader")[0]
    voltage = min(_READ_VOLTAGE, way.limits.voltage)
    compliance = min(way.limits.current, way.limits.power / voltage)
    with Bench(config) as bench:
        if way.die:
            bench.select(way.die)
        bench.reader.setup_reads(voltage=voltage, compliance_current=compliance)
        reading = bench.reader.read()
    yield _told(
        where,
        reading,
        format_quantity(voltage, "V") + (f" on die {way.die}" if way.die else ""),
    )


def _told(where: str, reading: Reading, at: str) -> Finding:
    flags = f", flagged {reading.flags.name}" if reading.flags else ""
    if math.isnan(reading.current):
        return Finding(where, "warning", f"no current could be measured at {at}{flags}")
    if abs(reading.conductance) < _OPEN:
        text = f"no current flows at {at}{flags}; contact? look at the probes and the path"
        return Finding(where, "warning", text)
    text = f"{format_quantity(reading.conductance, 'S')} at {at}{flags}"
    return Finding(where, "warning" if flags else "ok", text)


def _unsafe(failed: Mapping[str, str]) -> Iterator[Finding]:
    for name, reason in failed.items():
        text = f"could not be made safe: {reason}; switch it off by hand"
        yield Finding(name, "unsafe", text)


def _tried(what: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Yield the findings of a check; one that raises is a finding, too."""
    try:
        yield from check()
    except UnsafeShutdownError as error:
        yield Finding(what, "unsafe", str(error))
    except Exception as error:  # whatever a driver raises must not stop the next check
        yield Finding(what, "failed", _sentence(error))


def _sentence(error: Exception) -> str:
    if not isinstance(error, LabsynError | ValueError):
        return f"{type(error).__name__}: {error}"
    return str(error)
