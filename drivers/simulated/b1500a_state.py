"""What a simulated B1500A mainframe knows, for all its commands."""

import zlib
from collections import deque
from collections.abc import Mapping

import numpy as np

from labsyn.data.errors import ConfigError
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.b1500a_cmu import CMU_MODELS, Cmu, Impedance
from labsyn.drivers.simulated.b1500a_selector import Selector, SelectorPort
from labsyn.drivers.simulated.b1500a_settings import Settings
from labsyn.drivers.simulated.b1500a_smu import SMU_KINDS, Reading, Smu
from labsyn.drivers.simulated.b1500a_spgu import SPGU_MODEL, PulseGenerator, SpguChannel
from labsyn.drivers.simulated.flex import BAD_PARAMETER, CHANNEL_OFF, ERROR_TEXTS, FlexError
from labsyn.drivers.simulated.flex_binary import BINARY_FORMATS, binary_message
from labsyn.drivers.simulated.flex_data import Item, data_message
from labsyn.drivers.simulated.output import OutputStore
from labsyn.drivers.simulated.wiring import Wiring

LINE_FREQUENCY = 50.0
WGFMU_MODEL = "B1530A"  # no FLEX surface: see b1500a_wgfmu.py
MODELS = (*SMU_KINDS, *CMU_MODELS, SPGU_MODEL, WGFMU_MODEL)
_HSADC_SAMPLE = 2e-6  # one sample, and the shortest integration time
_HRADC_UNIT = 80e-6  # a choice: the guide gives it as a coefficient only
_MAX_ERRORS = 30  # page 4-101

Channel = Smu | Cmu | SpguChannel


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
    impedance : callable, optional
        Impedance at the terminals of the capacitance unit, in ohm, at a frequency in hertz.
    selector : mapping of int to SelectorPort
        What is on the ports of the 16440A.
    """

    def __init__(
        self, wiring: Wiring, clock: VirtualClock, modules: Mapping[int, str],
        address: str, seed: int, *, noise: bool,
        impedance: Impedance | None, selector: Mapping[int, SelectorPort],
    ) -> None:  # fmt: skip
        self.wiring, self.clock, self.address, self.seed = wiring, clock, address, seed
        self.modules = dict(modules)
        # A stream of its own: the device under test may have the same seed.
        stream = [seed, 2, zlib.crc32(address.encode())]
        rng = np.random.default_rng(stream) if noise else None
        self.smus: dict[int, Smu] = {}
        self.cmus: dict[int, Cmu] = {}
        spgu_slots = []
        for slot, model in sorted(self.modules.items()):
            self._check_module(slot, model)
            source = f"{address}/{slot}"
            if model in SMU_KINDS:
                self.smus[slot] = Smu(slot, SMU_KINDS[model], source, wiring, rng)
            elif model in CMU_MODELS:
                self.cmus[slot] = Cmu(slot, source, wiring, rng, impedance)
            elif model == SPGU_MODEL:
                spgu_slots.append(slot)
        self.spgu = PulseGenerator(wiring, clock, address, spgu_slots)
        pgus = [slot * 100 + k for slot in spgu_slots for k in (1, 2)]
        self.selector = Selector(wiring, address, selector, self.smus, pgus)
        self.settings = Settings()
        self.output = OutputStore()
        self.errors: deque[int] = deque()
        self.error_bit = False  # of the status byte, which is cleared before the queue is
        self.fault_texts: dict[int, str] = {}  # of errors that were injected, by code
        self.ailment = ""
        self.timer_start = clock.now()

    def _check_module(self, slot: int, model: str) -> None:
        if not 1 <= slot <= 10:
            raise ConfigError(f"{self.address}: slot {slot} for a {model}, slots are 1 to 10")
        if model not in MODELS:
            known = ", ".join(MODELS)
            raise ConfigError(f"{self.address}: unknown module {model!r}, known are {known}")

    def report(self, error: FlexError) -> None:
        """Queue an error; a full queue keeps the oldest."""
        self.error_bit = True
        if len(self.errors) < _MAX_ERRORS:
            self.errors.append(error.code)

    def fail(self, code: int, text: str) -> None:
        """Queue an error of the hardware, which no statement has caused."""
        self.fault_texts[code] = text
        self.error_bit = True
        if len(self.errors) < _MAX_ERRORS:
            self.errors.append(code)

    def error_text(self, code: int) -> str | None:
        """Return the text of an error, None for an unknown one."""
        return self.fault_texts.get(code) or ERROR_TEXTS.get(code)

    def status_byte(self) -> int:
        """Return data ready, set ready, error and request for service as bits (page 1-56)."""
        status = 1 * self.output.is_waiting + 16 + 32 * self.error_bit
        return status + 64 * bool(status & self.settings.service_request)

    def pass_time(self, seconds: float) -> None:
        """Let time pass; a free-running pulse generator goes on meanwhile."""
        if self.spgu.running:
            self.spgu.pass_time(seconds)
        else:
            self.clock.sleep(seconds)

    def smu(self, channel: int) -> Smu:
        """Return the SMU of a channel; raise FlexError 120 if the slot has none."""
        if channel not in self.smus:
            raise FlexError(BAD_PARAMETER)
        return self.smus[channel]

    def active_smu(self, channel: int) -> Smu:
        """Return the SMU of a channel that is on; raise FlexError 200 if it is off."""
        smu = self.smu(channel)
        if not smu.on:
            raise FlexError(CHANNEL_OFF)
        return smu

    def cmu(self, channel: int) -> Cmu:
        """Return the capacitance unit of a channel; raise FlexError 120 if there is none."""
        if channel not in self.cmus:
            raise FlexError(BAD_PARAMETER)
        return self.cmus[channel]

    def active_cmu(self, channel: int) -> Cmu:
        """Return the capacitance unit that is on; raise FlexError 200 if it is off."""
        cmu = self.cmu(channel)
        if not cmu.on:
            raise FlexError(CHANNEL_OFF)
        return cmu

    def chosen_smus(self, channels: tuple[int, ...]) -> list[Smu]:
        """Return the SMUs of `channels`, all of them for an empty list."""
        return [self.smu(channel) for channel in channels or self.smus]

    @property
    def channels(self) -> dict[int, Channel]:
        """Everything that CN switches on, by channel number."""
        return {**self.smus, **self.cmus, **self.spgu.channels}

    def chosen_channels(self, channels: tuple[int, ...]) -> list[Channel]:
        """Return the units of `channels`, all of them for an empty list."""
        known = self.channels
        if any(channel not in known for channel in channels):
            raise FlexError(BAD_PARAMETER)
        return [known[channel] for channel in channels or known]

    def switch_off(self, units: list[Channel]) -> None:
        """Open output switches; the one of a pulse generator ends the pulses (page 2-54)."""
        if any(unit.on and unit.slot in self.spgu.channels for unit in units):
            self.spgu.stop()
        for unit in units:
            unit.switch_off()

    def integration_time(self, smu: Smu) -> float:
        """Return the seconds one reading takes.

        Automatic and manual mode take the same number of samples here: how many more the
        instrument takes on low ranges is not documented. Automatic zero doubles the time
        of the high-resolution converter.
        """
        seconds = self._converter_time(smu.adc)
        return seconds * 2 if smu.adc == 1 and self.settings.auto_zero else seconds

    @property
    def pulse_integration_time(self) -> float:
        """Seconds of a reading in a pulse: AIT 2, whatever AAD says."""
        return self._converter_time(2)

    def _converter_time(self, adc: int) -> float:
        mode, n = self.settings.adc_modes[adc]
        if mode == 2:
            return n / LINE_FREQUENCY
        if mode == 3:
            return n
        return n * (_HRADC_UNIT if adc == 1 else _HSADC_SAMPLE)

    def reading_item(self, smu: Smu, reading: Reading) -> Item:
        """Return a reading with the status of all channels at this moment."""
        kind, value, range_code, scale, adc = reading
        limited = self.wiring.limited()
        this = other = False
        if limited:
            held = [each for each in self.smus.values() if each.on and each.source in limited]
            this, other = smu in held, any(each is not smu for each in held)
        if self.ailment:
            this = this or self.ailment == "compliance"
            value = None if self.ailment == "overload" else value
        return Item(smu.slot, kind, value, "", this, other, False, range_code, scale, adc)

    def time_item(self, channel: int) -> Item:
        """Return the time since the timer was cleared."""
        return Item(channel=channel, kind="T", value=self.clock.now() - self.timer_start)

    def send(self, items: list[Item]) -> None:
        """Put `items` into the data buffer, in the format that is set."""
        if not items:
            return
        if self.settings.data_format in BINARY_FORMATS:
            message, n_items = binary_message(items, self.settings.data_format)
            self.output.add_data(message, n_items)
            return
        text, end = data_message(items, self.settings.data_format)
        self.output.add_data(text.encode("ascii"), len(items), end=end)

    def reset(self) -> None:
        """Return to the state after power-on: all outputs off, everything default."""
        self.spgu.reset()
        for unit in self.chosen_channels(()):
            unit.switch_off()
            unit.reset_settings()
        self.selector.reset()
        self.settings = Settings()
        self.output.clear()
        self.error_bit = False
        self.timer_start = self.clock.now()
