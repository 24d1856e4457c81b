"""The bench: instruments in roles, inside limits, made safe on every way out."""

import atexit
import contextlib
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from labsyn.data.errors import BenchError, ConfigError, UnsafeShutdownError
from labsyn.data.flags import Flag
from labsyn.data.hints import did_you_mean
from labsyn.drivers.account import Account
from labsyn.drivers.bench_model import BenchConfig
from labsyn.drivers.casting import cast, check_roles
from labsyn.drivers.config import load_config, simulated_config
from labsyn.drivers.connection import Connection
from labsyn.drivers.guard import GuardedField, GuardedPulseSource, GuardedReader
from labsyn.drivers.limits import Limits
from labsyn.drivers.roles import Switch
from labsyn.drivers.safe_state import make_all_safe, unsafe
from labsyn.drivers.safety import StopSignals
from labsyn.drivers.surroundings import emergency_targets, surroundings, twin_of
from labsyn.drivers.sweeper_guard import GuardedSweeper
from labsyn.drivers.watchdog import Watchdog
from labsyn.drivers.wire_log import WireLog

_GUARDS = {
    "pulse_source": GuardedPulseSource,
    "reader": GuardedReader,
    "sweeper": GuardedSweeper,
}


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
    wire_log : path, optional
        File to which every message on the wire is appended, with its time.

    Attributes
    ----------
    account : Account
        What the present run has done to the devices, in pulses, charge and energy.
    limits : Limits
        Those of the bench as a whole.

    Raises
    ------
    ConfigError
        If the configuration is wrong.
    LockedError
        If another program drives one of the instruments.
    BenchError
        If an instrument cannot be reached; those already open are closed again.
    WatchdogError
        If the bench is real and its watchdog does not start.
    """

    def __init__(
        self, config: BenchConfig, text: str = "", *, wire_log: Path | str | None = None
    ) -> None:
        self.config = config
        self.text = text
        self.limits: Limits = config.limits_of()
        self.die = ""
        self.watchdog = Watchdog()
        self.signals = StopSignals(self.watchdog)
        self._cast: dict[str, Any] = {}
        self._connections: dict[str, Connection] = {}
        self.simulation, library, self.clock = surroundings(config)
        self.account = Account(self.clock)
        self._log = WireLog.opened(wire_log, library, self.clock.now) if wire_log else None
        if not self.is_simulated and config.watchdog:
            self.watchdog.start(emergency_targets(config))
        try:
            for name, instrument in config.instruments.items():
                self._connections[name] = Connection.open(
                    name, instrument, library, self.clock,
                    exclusive=not self.is_simulated, options=config.options_of(name),
                )  # fmt: skip
            self.watchdog.confirm()
        except BaseException:
            self._close_all()
            self.watchdog.close()
            raise
        atexit.register(self.close)

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        roles: Iterable[str] = (),
        wire_log: Path | str | None = None,
    ) -> "Bench":
        """Return the bench that a TOML file describes.

        Raises
        ------
        RoleError
            If it has not all of `roles`, before anything is opened.
        """
        return cls(*_loaded(path, roles), wire_log=wire_log)

    @classmethod
    def simulated(
        cls,
        device: str = "lixcoo2",
        seed: int = 0,
        *,
        wire_log: Path | str | None = None,
        **parameters: float | str,
    ) -> "Bench":
        """Return a bench without hardware, wired to one device drawn with `seed`.

        `parameters` replace those of the drawn device, for example ``sigma_c2c=0``.
        """
        return cls(simulated_config(device, seed, parameters), wire_log=wire_log)

    @classmethod
    def open_twin(cls, path: Path | str, *, roles: Iterable[str] = ()) -> "Bench":
        """Return the simulated twin of the bench of a TOML file; nothing real is opened.

        Raises
        ------
        RoleError
            If it has not all of `roles`.
        ConfigError
            If the file does not say which device to simulate.
        """
        config, text = _loaded(path, roles)
        return cls(twin_of(config), text)

    def twin(self) -> "Bench":
        """Return a fresh simulated bench of the same file and die, as `open_twin` does."""
        twin = Bench(twin_of(self.config), self.text)
        twin.die = self.die
        return twin

    @property
    def is_open(self) -> bool:
        """Whether the instruments can be used."""
        return bool(self._connections)

    @property
    def is_simulated(self) -> bool:
        """True if no real instrument is behind this bench."""
        return self.simulation is not None

    @property
    def origin(self) -> Flag:
        """What marks the rows of this bench: simulated, or nothing."""
        return Flag.SIMULATED if self.is_simulated else Flag(0)

    @property
    def pulse_source(self) -> GuardedPulseSource:
        """The instrument in the role of pulse source, inside the limits."""
        return self._source("pulse_source")

    @property
    def reader(self) -> GuardedReader:
        """The instrument in the role of reader, inside the limits."""
        return self._source("reader")

    @property
    def sweeper(self) -> GuardedSweeper:
        """The instrument in the role of sweeper, inside the limits."""
        return self._source("sweeper")

    @property
    def field(self) -> GuardedField:
        """Magnet and gaussmeter in the role of field, inside the limits."""
        if "field" not in self._cast:
            self._cast["field"] = GuardedField(
                self._player("field"), self.account, self.config.limits_of()
            )
        return self._cast["field"]

    @property
    def switch(self) -> Switch:
        """The instrument in the role of switch, inside its forbidden channels."""
        if "switch" not in self._cast:
            self._cast["switch"] = self._player("switch")
        return self._cast["switch"]

    def route_time(self, *roles: str) -> float:
        """Return the seconds that relays take to go round these roles once."""
        paths = {tuple(self.config.way_of(role, self.die)[0]) for role in roles}
        return len(paths) * self.switch.route_time if len(paths) > 1 else 0.0

    def require(self, roles: Iterable[str]) -> None:
        """Raise RoleError if a role is not played, with the drivers that could play it."""
        check_roles(roles, self.config.roles.played())

    def select(self, die: str) -> None:
        """Work on another die from now on: its relays are closed when a role needs them.

        An empty name selects none.

        Raises
        ------
        ConfigError
            If the bench file has no such die.
        """
        if die and die not in self.config.dies:
            known = ", ".join(self.config.dies) or "none"
            hint = did_you_mean(die, self.config.dies, f"it has {known}")
            raise ConfigError(f"the bench file has no die {die!r}; {hint}")
        self.die = die
        self._cast = {k: role for k, role in self._cast.items() if k not in _GUARDS}

    def describe(self) -> dict[str, Any]:
        """Return what a run file says of the bench; asks each instrument for its settings."""
        settings = self.settings()
        instruments = {
            name: {
                "driver": self.config.instruments[name].driver,
                "resource": self.config.instruments[name].resource,
                "idn": connection.identity.idn,
                "settings": settings[name],
                "simulated": self.is_simulated,
            }
            for name, connection in self._connections.items()
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

    def sample(self) -> dict[str, Any]:
        """Return what the bench file says is measured, and the die that is selected."""
        die = {"die": self.die, **self.config.dies[self.die].located()} if self.die else {}
        return {**self.config.sample, **die}

    def settings(self) -> dict[str, dict[str, str]]:
        """Return what each instrument says of its settings now."""
        return {name: each.instrument.settings() for name, each in self._connections.items()}

    @property
    def warnings(self) -> list[str]:
        """What a person at the bench should be told of wiring, connections and watchdog."""
        wiring = list(self.simulation.wiring.warnings) if self.is_simulated else []
        left = [
            f"{name}: {text}"
            for name, connection in self._connections.items()
            for text in connection.warnings
        ]
        ended = [self._log.trouble] if self._log is not None and self._log.trouble else []
        return wiring + left + ended + self.account.notes + self.watchdog.warnings

    def make_safe(self) -> None:
        """Bring every instrument to 0 V and off, each independently of the others.

        Pulse sources go first, then sources, then relays, and the field last.

        Raises
        ------
        UnsafeShutdownError
            Naming the instruments that could not be reached, after all were tried.
        """
        failed = make_all_safe(self._connections)
        if failed:
            raise unsafe(failed)
        self.watchdog.safe()

    def close(self) -> None:
        """Make safe and close; a second call does nothing.

        What this process cannot make safe, the watchdog tries once its sessions are closed.
        """
        if not self._connections:
            return
        atexit.unregister(self.close)
        try:
            self.make_safe()
        except BaseException as error:
            self._close_all()
            if self.watchdog.abandon():
                error.add_note("its watchdog has made every instrument safe since")
            raise
        self._close_all()
        self.watchdog.close()

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
            if isinstance(error, UnsafeShutdownError):  # it knows more: what stopped the run
                for note in getattr(unsafe, "__notes__", []):
                    error.add_note(note)
                return
            if error is not None:
                unsafe.add_note(f"while leaving because of: {error!r}")
            raise
        finally:
            self.signals.__exit__(kind, error, trace)

    def _source(self, role: str) -> Any:
        """Return the guard around the instrument that drives a terminal in this role."""
        if role not in self._cast:
            player = self._player(role)
            path, terminals = self.config.way_of(role, self.die)
            if path:
                self.switch.check_route(path)
            elif not self.die and any(role in die.paths for die in self.config.dies.values()):
                raise ConfigError(
                    f"no die is selected, and the {role} reaches one by relays only: select "
                    f"one of {', '.join(self.config.dies)} first"
                )
            self._cast[role] = _GUARDS[role](
                player,
                self.account,
                self.config.limits_of(*terminals),
                terminals[0],
                (lambda: self.switch.route(path)) if path else (lambda: None),
            )
        return self._cast[role]

    def _player(self, role: str) -> Any:
        self.require([role])
        if not self.is_open:
            raise BenchError(f"the bench is closed; open it again to use its {role}")
        part = self.config.roles.played()[role]
        driver = self.config.instruments[part.instrument].driver
        drivers = {name: each.instrument for name, each in self._connections.items()}
        return cast(role, driver, part, drivers, self.clock)

    def _close_all(self) -> None:
        for connection in self._connections.values():
            with contextlib.suppress(Exception):  # it is off; a lost session cannot be closed
                connection.close()
        self._connections = {}
        self._cast = {}
        if self._log is not None:
            self._log.close()


def _loaded(path: Path | str, roles: Iterable[str]) -> tuple[BenchConfig, str]:
    """Return what a bench file says, and its text, if it has all of `roles`."""
    path = Path(path)
    config = load_config(path)
    check_roles(roles, config.roles.played())
    return config, path.read_text(encoding="utf-8")
