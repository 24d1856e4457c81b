"""The ``scan`` object: a list of channels closed one after the other, each measured."""

from labsyn.drivers.simulated.tsp_channel import ChannelObject
from labsyn.drivers.simulated.tsp_dmm import NO_FUNCTION, DmmObject
from labsyn.drivers.simulated.tsp_errors import (
    SETTINGS_CONFLICT,
    TspError,
    integer_argument,
    text_argument,
)
from labsyn.drivers.simulated.tsp_sandbox import TspSandbox

EMPTY, BUILDING, RUNNING, ABORTED, FAILED, FAILED_INIT, SUCCESS = range(7)
MODE_OPEN_ALL, MODE_OPEN_SELECTIVE, MODE_FIXED_ABR = range(3)
_MOST_STEPS = 10_000


class ScanObject:
    """A scan over channels.

    In simulated time a background scan is over when the call returns: its time has
    passed. The channel of the last step stays closed. Both are choices.

    Parameters
    ----------
    channels, dmm : ChannelObject, DmmObject
        What it switches and measures with.
    """

    def __init__(self, channels: ChannelObject, dmm: DmmObject) -> None:
        self._channels, self._dmm = channels, dmm
        self.reset()

    def reset(self) -> None:
        """Forget the list and all settings."""
        self.state = EMPTY
        self._steps: list[tuple[str, str]] = []  # channel and configuration
        self._scan_count = self._measure_count = 1
        self._mode = MODE_OPEN_ALL
        self._scans_done = self._steps_done = 0

    def install(self, sandbox: TspSandbox) -> None:
        """Make the object known to scripts; execution is in `tsp_buffers`."""
        for name, value in {
            "EMPTY": EMPTY, "BUILDING": BUILDING, "RUNNING": RUNNING, "ABORTED": ABORTED,
            "FAILED": FAILED, "FAILED_INIT": FAILED_INIT, "SUCCESS": SUCCESS,
            "MODE_OPEN_ALL": MODE_OPEN_ALL, "MODE_OPEN_SELECTIVE": MODE_OPEN_SELECTIVE,
            "MODE_FIXED_ABR": MODE_FIXED_ABR,
        }.items():  # fmt: skip
            sandbox.constant(f"scan.{name}", value)
        sandbox.function("scan.create", self.create)
        sandbox.function("scan.add", self.add)
        sandbox.function("scan.list", self.list_steps)
        sandbox.function("scan.reset", self.reset)
        sandbox.function("scan.abort", self.abort)
        sandbox.function("scan.state", self.get_state)
        sandbox.attribute("scan.scancount", lambda: self._scan_count, self._set_scans)
        sandbox.attribute("scan.measurecount", lambda: self._measure_count, self._set_count)
        sandbox.attribute("scan.mode", lambda: self._mode, self._set_mode)
        sandbox.attribute("scan.stepcount", lambda: len(self._steps))

    def create(self, channels: object = "", config: object = None) -> None:
        """Replace the list; nothing or an empty list clears it."""
        self._steps, self.state = [], EMPTY
        if text_argument(channels, "channel list").strip():
            self.add(channels, config)

    def add(self, channels: object, config: object = None) -> None:
        """Append steps up to the first forbidden one."""
        names = self._channels.expand(channels, backplane=False)
        chosen = None if config is None else text_argument(config, "configuration")
        if len(self._steps) + len(names) > _MOST_STEPS:
            raise TspError(SETTINGS_CONFLICT, f"scan list longer than {_MOST_STEPS} steps")
        for name in names:
            used = chosen or self._dmm.config_of(name)
            self._channels.refuse_forbidden(self._path(name, used))
            self._steps.append((name, used))
            self.state = BUILDING

    def list_steps(self) -> str:
        rows = (f"{n}) OPEN... CLOSE: {step[0]}" for n, step in enumerate(self._steps, 1))
        return "; ".join(rows) or "Empty Scan"

    def abort(self) -> None:
        if self.state == RUNNING:
            self.state = ABORTED

    def get_state(self) -> tuple[int, int, int]:
        return self.state, self._scans_done, self._steps_done

    def begin(self) -> tuple[int, int, int]:
        """Start a scan; return steps, scans, and readings a step."""
        if not self._steps:
            raise TspError(SETTINGS_CONFLICT, "scan list is empty")
        try:
            for step in self._steps:
                self._channels.refuse_forbidden(self._path(*step))
        except TspError:
            self.state = FAILED_INIT
            raise
        self.state, self._scans_done, self._steps_done = RUNNING, 0, 0
        listed = {relay for step in self._steps for relay in self._path(*step)}
        if self._mode == MODE_OPEN_ALL:
            self._channels.switch(self._channels.relays.all_closed, [])
        else:
            self._channels.switch(self._channels.relays.closed(listed), [])
        return len(self._steps), self._scan_count, self._measure_count

    def step(self, number: int) -> bool:
        """Close the channel of step `number`; return whether it is to be measured."""
        name, config = self._steps[number - 1]
        relays = self._channels.relays
        wanted = self._path(name, config)
        last = self._path(*self._steps[number - 2])
        others = [r for r in relays.closed(set(last)) if r not in wanted]
        self._channels.switch(others, [r for r in wanted if not relays.is_closed(r)])
        self._dmm.put_on_path(name, config)
        self._steps_done = number
        if number == len(self._steps):
            self._scans_done += 1
        return config != NO_FUNCTION

    def end(self, good: bool) -> int:
        """Finish a scan; return its state."""
        self.state = SUCCESS if good else FAILED
        return self.state

    def _path(self, name: str, config: str) -> list[str]:
        if config == NO_FUNCTION:
            return self._channels.image(name)
        return self._dmm.measure_path(name, config)

    def _set_scans(self, value: object) -> None:
        self._scan_count = integer_argument(value, 1, 100_000, "scancount")

    def _set_count(self, value: object) -> None:
        self._measure_count = integer_argument(value, 1, 450_000, "measurecount")

    def _set_mode(self, value: object) -> None:
        self._mode = integer_argument(value, MODE_OPEN_ALL, MODE_FIXED_ABR, "scan mode")
