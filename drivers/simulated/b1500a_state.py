"""What a simulated B1500A mainframe knows, for all its commands."""

import zlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from labsyn.data.errors import ConfigError
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.b1500a_smu import SMU_KINDS, Reading, Smu
from labsyn.drivers.simulated.flex import BAD_PARAMETER, CHANNEL_OFF, FlexError
from labsyn.drivers.simulated.flex_data import Item, data_message
from labsyn.drivers.simulated.output import OutputStore
from labsyn.drivers.simulated.wiring import Wiring

LINE_FREQUENCY = 50.0
_HSADC_SAMPLE = 2e-6  # one sample, and the shortest integration time
_HRADC_UNIT = 80e-6  # a choice: the guide gives it as a coefficient only
_MAX_ERRORS = 64  # a choice


@dataclass
class Sweep:
    """The staircase source (WV, WI) or the pulse source (PV, PI) of a measurement.

    `values` holds start and stop, or base and pulse.
    """

    channel: int
    forces_current: bool
    mode: int
    range_code: int
    values: tuple[float, float]
    steps: int
    limit: float | None = None
    power_limit: float | None = None


@dataclass
class Settings:
    """Everything that ``*RST`` returns to its default.

    Trigger mode, automatic calibration and wait times are kept and reported by ``*LRN?``
    only: the outputs here settle at once and there are no trigger lines.
    """

    data_format: int = 1
    data_mode: int = 0
    measurement: tuple[int, ...] = ()
    service_request: int = 0
    trigger_mode: int = 1
    auto_calibration: int = 1
    parallel: int = 0
    time_stamp: int = 0
    auto_zero: int = 0
    adc_modes: dict[int, tuple[int, float]] = field(
        default_factory=lambda: {0: (0, 1.0), 1: (0, 6.0), 2: (0, 1.0)}
    )
    wait_times: dict[int, tuple[float, float]] = field(
        default_factory=lambda: {1: (1.0, 0.0), 2: (1.0, 0.0)}
    )
    sweep_timing: tuple[float, ...] = (0.0,) * 5
    sweep_abort: int = 2
    sweep_post: int = 1
    sweep: Sweep | None = None
    pulse_timing: tuple[float, ...] = (0.0, 1e-3, 1e-2, 0.0)
    pulse: Sweep | None = None


class Mainframe:
    """State of the instrument, and what commands share.

    Parameters
    ----------
    wiring, clock : Wiring, VirtualClock
        What the channels reach, and the time they take.
    modules : mapping of int to str
        Model by slot, 1 to 10.
    address : str
        Resource name; channel k drives the source ``address/k`` of the wiring.
    seed : int
        Seed of the measurement noise.
    noise : bool
        Whether the converters are noisy.
    """

    def __init__(
        self, wiring: Wiring, clock: VirtualClock, modules: Mapping[int, str],
        address: str, seed: int, *, noise: bool,
    ) -> None:  # fmt: skip
        self.wiring, self.clock, self.address, self.seed = wiring, clock, address, seed
        self.modules = dict(modules)
        # A stream of its own: the device under test may have the same seed.
        stream = [seed, 2, zlib.crc32(address.encode())]
        rng = np.random.default_rng(stream) if noise else None
        self.smus: dict[int, Smu] = {}
        for slot, model in sorted(self.modules.items()):
            if not 1 <= slot <= 10:
                raise ConfigError(f"{address}: slot {slot} for a {model}, slots are 1 to 10")
            if model not in SMU_KINDS:
                known = ", ".join(SMU_KINDS)
                raise ConfigError(f"{address}: unknown module {model!r}, known are {known}")
            self.smus[slot] = Smu(slot, SMU_KINDS[model], f"{address}/{slot}", wiring, rng)
        self.settings = Settings()
        self.output = OutputStore()
        self.errors: deque[int] = deque()
        self.timer_start = clock.now()

    def report(self, error: FlexError) -> None:
        """Queue an error; a full queue keeps the oldest."""
        if len(self.errors) < _MAX_ERRORS:
            self.errors.append(error.code)

    def status_byte(self) -> int:
        """Return data ready, set ready, error and request for service as bits."""
        status = 1 * self.output.has_data + 16 + 32 * bool(self.errors)
        return status + 64 * bool(status & self.settings.service_request)

    def smu(self, channel: int) -> Smu:
        """Return the SMU of a channel; raise FlexError 120 if the slot is empty."""
        if channel not in self.smus:
            raise FlexError(BAD_PARAMETER)
        return self.smus[channel]

    def active_smu(self, channel: int) -> Smu:
        """Return the SMU of a channel that is on; raise FlexError 200 if it is off."""
        smu = self.smu(channel)
        if not smu.on:
            raise FlexError(CHANNEL_OFF)
        return smu

    def chosen_smus(self, channels: tuple[int, ...]) -> list[Smu]:
        """Return the SMUs of `channels`, all of them for an empty list."""
        return [self.smu(channel) for channel in channels or self.smus]

    def integration_time(self, smu: Smu) -> float:
        """Return the seconds one reading takes.

        Automatic and manual mode take the same number of samples here: how many more the
        instrument takes on low ranges is not documented. Automatic zero doubles the time
        of the high-resolution converter.
        """
        mode, n = self.settings.adc_modes[smu.adc]
        if mode == 2:
            seconds = n / LINE_FREQUENCY
        elif mode == 3:
            seconds = n
        else:
            seconds = n * (_HRADC_UNIT if smu.adc == 1 else _HSADC_SAMPLE)
        return seconds * 2 if smu.adc == 1 and self.settings.auto_zero else seconds

    def reading_item(self, smu: Smu, reading: Reading) -> Item:
        """Return a reading with the status of all channels at this moment."""
        return Item(
            channel=smu.slot,
            kind=reading.kind,
            value=reading.value,
            this_compliance=smu.in_compliance,
            other_compliance=any(
                other.in_compliance for other in self.smus.values() if other is not smu
            ),
        )

    def time_item(self, channel: int) -> Item:
        """Return the time since the timer was cleared."""
        return Item(channel=channel, kind="T", value=self.clock.now() - self.timer_start)

    def send(self, items: list[Item]) -> None:
        """Put `items` into the data buffer, in the format that is set."""
        if items:
            text, end = data_message(items, self.settings.data_format)
            self.output.add_data(text, end=end)

    def reset(self) -> None:
        """Return to the state after power-on: all outputs off, everything default."""
        for smu in self.smus.values():
            smu.switch_off()
            smu.reset_settings()
        self.settings = Settings()
        self.output.clear()
        self.timer_start = self.clock.now()
