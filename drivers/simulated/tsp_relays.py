"""Relays of a simulated 3706A: they take time, get stuck, and act on the wiring."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from labsyn.data.errors import ConfigError
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.device import DeviceUnderTest
from labsyn.drivers.simulated.tsp_cards import Mainframe
from labsyn.drivers.simulated.wiring import Wiring

OFF, BREAK_BEFORE_MAKE, MAKE_BEFORE_BREAK = 0, 1, 2

DMM_HIGH = "dmm"
"""Source of a path that leads to the HI terminal of the instrument's own multimeter."""
DMM_LOW = "dmm-low"
"""Source of a path that leads to the LO terminal of the multimeter."""

Path = tuple[str, DeviceUnderTest, str]
"""Source on the row, device and terminal on the column of a crosspoint."""


class Relays:
    """Every relay of the mainframe, by name.

    Parameters
    ----------
    wiring, clock : Wiring, VirtualClock
        What they act on, and where moving takes its time.
    frame : Mainframe
        Which relays there are.
    paths : mapping of str to Path
        What a closed channel connects.

    Attributes
    ----------
    stuck : set of str
        Relays that do not move any more; they stay as they are.
    counts : Counter of str
        How often each has closed.

    Raises
    ------
    ConfigError
        If a path names a channel or terminal that does not exist.
    """

    def __init__(
        self, wiring: Wiring, clock: VirtualClock, frame: Mainframe, paths: Mapping[str, Path]
    ) -> None:
        for name, (_, device, terminal) in paths.items():
            if name not in frame.order or frame.is_backplane(name):
                raise ConfigError(f"there is no channel {name!r} for a path to {terminal!r}")
            if terminal not in device.terminals:
                known = ", ".join(device.terminals)
                raise ConfigError(
                    f"the path of channel {name} leads to terminal {terminal!r}; "
                    f"{type(device).__name__} has {known}"
                )
        self.stuck: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.paths = dict(paths)
        self._wiring, self._clock, self._frame = wiring, clock, frame
        self._closed: dict[str, None] = {}  # oldest first
        self._wired: dict[str, list[str]] = {}  # closed channels that count, by source

    def is_closed(self, name: str) -> bool:
        """Tell where the relay `name` really is."""
        return name in self._closed

    def closed(self, among: Collection[str]) -> list[str]:
        """Return which of `among` are closed, by slot, channels before backplane."""
        return self._frame.sort(name for name in among if name in self._closed)

    @property
    def all_closed(self) -> list[str]:
        """Every closed relay, the one closed first at the head."""
        return list(self._closed)

    def move(
        self,
        to_open: Iterable[str],
        to_close: Iterable[str],
        rule: int = BREAK_BEFORE_MAKE,
        delay: float = 0.0,
    ) -> None:
        """Open and close relays in the order of the connect `rule`, and let them settle.

        `delay` is what a user adds after closing, in seconds. Closing takes it, and the
        settling time, even where the relay was closed before.
        """
        opening, closing = list(to_open), list(to_close)
        for name in opening + closing:
            self._warn_if_hot(name, closing=name in closing)
        steps = [(opening, False), (closing, True)]
        if rule == MAKE_BEFORE_BREAK:
            steps.reverse()
        for names, closed in steps:
            for name in names:
                self._set(name, closed=closed)
            if rule != OFF:
                self._settle(names)
        if rule == OFF:
            self._settle(opening + closing)
        if closing:
            self._clock.sleep(delay)

    def _settle(self, names: list[str]) -> None:
        times = (self._frame.card_of(name).settling_time for name in names)
        self._clock.sleep(max(times, default=0.0))

    def _set(self, name: str, *, closed: bool) -> None:
        if name in self.stuck or self.is_closed(name) == closed:
            return
        if closed:
            self._closed[name] = None
            self.counts[name] += 1
        else:
            del self._closed[name]
        if name in self.paths and self.paths[name][0] not in (DMM_HIGH, DMM_LOW):
            self._rewire(self.paths[name][0])

    def _rewire(self, source: str) -> None:
        """Bring a source to where its closed relays lead.

        The wiring holds each source on one device: with relays to several closed, the one
        closed first counts, and a warning says so.
        """
        leading = [n for n in self._closed if n in self.paths and self.paths[n][0] == source]
        devices = [self.paths[name][1] for name in leading]
        if any(device is not devices[0] for device in devices):
            self._wiring.warnings.append(
                f"relays {', '.join(leading)} lead {source} to several devices; "
                f"simulated is that of {leading[0]} alone"
            )
        ends = {self.paths[n][2]: n for n in leading if self.paths[n][1] is devices[0]}
        wired = self._wired.setdefault(source, [])
        for channel in [channel for channel in wired if channel not in leading]:
            self._wiring.disconnect(source, self.paths[channel][2])
            wired.remove(channel)
        for terminal, channel in ends.items():
            if channel in wired:
                continue
            try:
                self._wiring.connect(source, devices[0], terminal)
            except ConfigError as error:  # as a short on a bench: told, not refused
                self._wiring.warnings.append(f"relay {channel}: {error}")
            else:
                wired.append(channel)

    def _warn_if_hot(self, name: str, *, closing: bool) -> None:
        if name not in self.paths or self.is_closed(name) == closing:
            return
        source = self.paths[name][0]
        if source in (DMM_HIGH, DMM_LOW):
            return
        volts = self._wiring.voltage(source)
        if volts:
            self._wiring.warnings.append(
                f"relay {name} moved while {source} drives {volts:.4g} V (hot switching)"
            )
