"""The bench: instruments in roles, inside limits, made safe on every way out."""

import atexit
import contextlib
import functools
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import pyvisa

from labsyn.data.errors import (
    BenchError,
    InstrumentDisconnected,
    RoleError,
    UnsafeShutdownError,
)
from labsyn.drivers.catalogue import DRIVERS, driver, open_driver
from labsyn.drivers.clock import Clock, RealClock
from labsyn.drivers.config import BenchConfig, load_config, simulated_config
from labsyn.drivers.guard import GuardedPulseSource, GuardedReader
from labsyn.drivers.keysight_b1500a import KeysightB1500A
from labsyn.drivers.limits import Limits
from labsyn.drivers.roles import ROLES, PulseSource, Reader
from labsyn.drivers.safety import StopSignals
from labsyn.drivers.smu_roles import SMUPulseSource, SMUReader
from labsyn.drivers.wire import as_labsyn_errors


class Bench:
    """Instruments that are open, ready and limited.

    Use it as a context manager: on every way out (the end, an exception, Ctrl-C, a
    termination signal) each instrument goes to 0 V and off, one after the other, whatever
    happens to the first.

    Parameters
    ----------
    config : BenchConfig
        What the bench consists of.
    text : str
        The bench file as it was read, for the run file.

    Raises
    ------
    ConfigError
        If the configuration is wrong.
    BenchError
        If an instrument cannot be reached; those already open are closed again.
    """

    def __init__(self, config: BenchConfig, text: str = "") -> None:
        self.config = config
        self.text = text
        self.limits: Limits = config.allowed
        self.clock: Clock
        self.signals = StopSignals()
        self.simulation: Any = None
        self._instruments: dict[str, Any] = {}
        self._idn: dict[str, str] = {}
        library: Any = ""
        if config.simulation is None:
            self.clock = RealClock()
        else:
            self.simulation, library = _simulate(config)
            self.clock = self.simulation.clock
        try:
            for name, instrument in config.instruments.items():
                self._open(name, instrument.driver, instrument.resource, library)
        except BaseException:
            self._close_all()
            raise
        atexit.register(self.close)

    @classmethod
    def open(cls, path: Path | str) -> "Bench":
        """Return the bench that a TOML file describes."""
        path = Path(path)
        config = load_config(path)
        return cls(config, path.read_text(encoding="utf-8"))

    @classmethod
    def simulated(
        cls, device: str = "lixcoo2", seed: int = 0, **parameters: float | str
    ) -> "Bench":
        """Return a bench without hardware, wired to one device drawn with `seed`.

        `parameters` replace those of the drawn device, for example ``sigma_c2c=0``.
        """
        return cls(simulated_config(device, seed, parameters))

    @property
    def is_simulated(self) -> bool:
        """True if no real instrument is behind this bench."""
        return self.simulation is not None

    @functools.cached_property
    def pulse_source(self) -> PulseSource:
        """The instrument in the role of pulse source, inside the limits."""
        analyser, channel = self._player("pulse_source")
        return GuardedPulseSource(SMUPulseSource(analyser, channel), self.limits)

    @functools.cached_property
    def reader(self) -> Reader:
        """The instrument in the role of reader, inside the limits."""
        analyser, channel = self._player("reader")
        return GuardedReader(SMUReader(analyser, channel), self.limits)

    def require(self, roles: Iterable[str]) -> None:
        """Raise RoleError if a role is not played, with the drivers that could play it."""
        for role in roles:
            if role not in ROLES:
                raise RoleError(f"no bench has a role {role!r}; known are {', '.join(ROLES)}")
            if role not in self.config.roles:
                able = [name for name in DRIVERS if role in driver(name).ROLES]
                raise RoleError(
                    f"the bench has no {role}: add [roles.{role}] to the bench file; "
                    f"drivers that can play it: {', '.join(able)}"
                )

    def describe(self) -> dict[str, Any]:
        """Return what a run file says of the bench; asks each instrument for its settings."""
        settings = self.settings()
        instruments = {
            name: {
                "driver": self.config.instruments[name].driver,
                "resource": self.config.instruments[name].resource,
                "idn": self._idn[name],
                "settings": settings[name],
                "simulated": self.is_simulated,
            }
            for name in self._instruments
        }
        described: dict[str, Any] = {
            "instruments": instruments,
            "bench": self.config.model_dump(mode="json"),
            "bench_file": self.text,
            "limits": self.limits.to_dict(),
            "simulated": self.is_simulated,
        }
        if self.simulation is not None and self.config.simulation is not None:
            described["seed"] = self.config.simulation.seed
            described["device_truth"] = self.simulation.describe_device()
        return described

    def settings(self) -> dict[str, dict[str, str]]:
        """Return what each instrument says of its settings now."""
        return {name: each.settings() for name, each in self._instruments.items()}

    @property
    def warnings(self) -> list[str]:
        """What a person at the bench should be told of its wiring."""
        return list(self.simulation.wiring.warnings) if self.is_simulated else []

    def make_safe(self) -> None:
        """Bring every instrument to 0 V and off, each independently of the others.

        Raises
        ------
        UnsafeShutdownError
            Naming the instruments that could not be reached, after all were tried.
        """
        failed = []
        interrupt: BaseException | None = None
        for name, instrument in self._instruments.items():
            try:
                instrument.shutdown()
            except Exception as error:  # whatever it is, the next one must be switched off
                failed.append(f"{name} ({error})")
            except BaseException as error:  # Ctrl-C waits until all are off
                failed.append(f"{name} (interrupted)")
                interrupt = error
        if interrupt is not None:
            raise interrupt
        if failed:
            raise UnsafeShutdownError(
                f"could not make safe: {'; '.join(failed)}; switch the outputs off by hand"
            )

    def close(self) -> None:
        """Make safe and close; a second call does nothing."""
        if not self._instruments:
            return
        atexit.unregister(self.close)
        try:
            self.make_safe()
        finally:
            self._close_all()

    def __enter__(self) -> "Bench":
        self.signals.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            with self.signals.hold():
                self.close()
        except UnsafeShutdownError as unsafe:
            if error is not None:
                unsafe.add_note(f"while leaving because of: {error!r}")
            raise
        finally:
            self.signals.__exit__(kind, error, trace)

    def _open(self, name: str, kind: str, resource: str, library: Any) -> None:
        try:
            with as_labsyn_errors(name, "open"):
                self._idn[name] = _identify(resource, library)
            if not driver(kind).MODEL.search(self._idn[name]):
                raise BenchError(
                    f"{name} at {resource} is {self._idn[name]!r}, no instrument for {kind}; "
                    "check the address in the bench file"
                )
            with as_labsyn_errors(name, "open"):
                instrument = open_driver(kind, resource, library, self.clock)
        except (pyvisa.errors.LibraryError, OSError, ValueError) as error:
            if isinstance(error, BenchError):
                error.add_note(f"while opening {name} at {resource}")
                raise
            raise InstrumentDisconnected(
                f"cannot open {name} at {resource}: {error}"
            ) from error
        self._instruments[name] = instrument

    def _player(self, role: str) -> tuple[KeysightB1500A, int]:
        self.require([role])
        played = self.config.roles[role]  # type: ignore[index]
        return self._instruments[played.instrument], played.channel

    def _close_all(self) -> None:
        for instrument in self._instruments.values():
            with contextlib.suppress(Exception):  # it is off; a lost session cannot be closed
                instrument.adapter.close()
        self._instruments = {}


def _identify(resource: str, library: Any) -> str:
    """Ask who is there, and nothing else: it may be somebody else's instrument."""
    session = pyvisa.ResourceManager(library).open_resource(resource, read_termination="\n")
    with session:
        return str(session.query("*IDN?")).strip()  # type: ignore[attr-defined]


def _simulate(config: BenchConfig) -> tuple[Any, Any]:
    from labsyn.drivers.simulated.backend import LabsynVisaLibrary
    from labsyn.drivers.simulated.bench import SimulatedBench

    simulation = SimulatedBench.from_config(config)
    return simulation, LabsynVisaLibrary.for_bench(simulation)
