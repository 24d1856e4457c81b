"""The core of the simulated pulse generators: waveforms on the wiring, triggers, bursts.

Whatever an output does, it does on the virtual clock, also while nobody talks to it: an
output that was left running free stresses the device for as long as time passes.
"""

import itertools
import math
from collections.abc import Iterator
from typing import Any, ClassVar

from labsyn.drivers.simulated.generator_channel import GeneratorChannel
from labsyn.drivers.simulated.generator_levels import SOURCE_RESISTANCE
from labsyn.drivers.simulated.generator_model import Model
from labsyn.drivers.simulated.scpi_instrument import ScpiInstrument
from labsyn.drivers.simulated.scpi_values import ScpiError
from labsyn.drivers.simulated.timeline import Timeline
from labsyn.drivers.simulated.wiring import Wiring


class SimulatedPulseGenerator(ScpiInstrument):
    """A generator whose channel k is the source ``"<address>/<k>"`` of the wiring.

    Subclasses set `TREE` and, with `MODEL`, the limits; `is_running_free`,
    `cycles_per_trigger` and `burst_interval` say when a family gives cycles.

    Parameters
    ----------
    wiring : Wiring
        Where the outputs lead, each through 50 Ω.
    clock : Timeline
        The clock of `wiring`.
    address : str
        VISA resource name.
    model : Model, optional
        Another member of the family.
    """

    MODEL: ClassVar[Model]
    BUS_TRIGGER: ClassVar[str] = "BUS"
    """The trigger source under which ``*TRG`` is obeyed."""

    def __init__(
        self, wiring: Wiring, clock: Timeline, address: str, model: Model | None = None
    ) -> None:
        super().__init__(clock)
        self.model = model or self.MODEL
        self.IDENTITY = self.model.identity
        self.timeline = clock
        self.address = address
        self._wiring = wiring
        numbers = range(1, self.model.n_channels + 1)
        self.channels = {n: GeneratorChannel(self.model, self.report) for n in numbers}
        self._playing: dict[int, Iterator[float]] = {}
        self._busy_until: dict[int, float] = {}
        self._states = {n: self._state(channel) for n, channel in self.channels.items()}
        self.sync_on, self.sync_source = True, "CH1"
        self.trigger_out, self.trigger_out_slope = False, "POS"
        self.beeper_on, self.display = True, ""

    def channel(self, n: int) -> GeneratorChannel:
        """Return channel `n`; raise ScpiError -114 if there is none."""
        if n not in self.channels:
            raise ScpiError(-114)
        return self.channels[n]

    def reset(self) -> None:
        """Switch every output off and return to the settings after ``*RST``."""
        for channel in self.channels.values():
            channel.reset()
        self.sync_on, self.sync_source = True, "CH1"
        self.trigger_out, self.trigger_out_slope = False, "POS"
        self.follow()

    def trigger(self) -> None:
        """Start the bursts that wait for the bus; error -211 if none does."""
        waiting = [
            n
            for n, channel in self.channels.items()
            if channel.trigger_source == self.BUS_TRIGGER
            and self.cycles_per_trigger(channel)
            and n not in self._busy_until
        ]
        if not waiting:
            self.report(ScpiError(-211))
        for n in waiting:
            channel = self.channels[n]
            self._begin(n, self._burst(n, self.cycles_per_trigger(channel)))

    def wait(self) -> None:
        """Let the time pass until every triggered burst of finite length is over."""
        while ends := [end for end in self._busy_until.values() if end < math.inf]:
            self.timeline.sleep_until(max(ends))

    def is_busy(self) -> bool:
        return bool(self._busy_until)

    def is_running_free(self, channel: GeneratorChannel) -> bool:
        """Tell whether the output runs without a trigger and without an end."""
        return not channel.burst

    def cycles_per_trigger(self, channel: GeneratorChannel) -> float:
        """Return the cycles of one trigger; 0 where triggers have no effect."""
        return channel.cycles if channel.burst and channel.burst_mode == "TRIG" else 0

    def burst_interval(self, channel: GeneratorChannel) -> float | None:
        """Return the seconds between bursts by the internal trigger, None without it."""
        return channel.burst_period if channel.trigger_source == "IMM" else None

    def _run(self, header: str, texts: list[str]) -> str | None:
        answer = super()._run(header, texts)
        if not header.endswith("?"):
            self.follow()
        return answer

    def follow(self) -> None:
        """Start afresh the outputs whose waveform was changed."""
        for n, channel in self.channels.items():
            state = self._state(channel)
            if state != self._states[n]:
                self._states[n] = state
                self._restart(n)

    def synchronise(self) -> None:
        """Begin every cycle anew (``PHASe:SYNChronize``)."""
        for n in self.channels:
            if n not in self._busy_until:
                self._restart(n)

    def _state(self, channel: GeneratorChannel) -> tuple[Any, ...]:
        """Return everything that shapes the output."""
        return (
            channel.output,
            channel.shape,
            channel.rest,
            channel.cycle(),
            self.is_running_free(channel),
            self.cycles_per_trigger(channel),
            self.burst_interval(channel),
            channel.trigger_source,
        )

    def _restart(self, n: int) -> None:
        """End what channel `n` does, and begin what its settings say."""
        channel = self.channels[n]
        self._end(n)
        if not channel.output:
            self._wiring.release(f"{self.address}/{n}")
        elif self.is_running_free(channel):
            if channel.shape in ("NOIS", "PRBS"):
                self._wiring.warnings.append(
                    f"{self.address}/{n} gives noise, which is not simulated: it rests at "
                    f"its offset"
                )
            self._begin(n, self._cycles(n, math.inf))
        else:
            self._drive(n, channel.rest)
            interval = self.burst_interval(channel)
            cycles = self.cycles_per_trigger(channel)
            if interval is not None and cycles:
                self._begin(n, self._bursts(n, cycles, interval))

    def _begin(self, n: int, process: Iterator[float]) -> None:
        self._playing[n] = process
        self.timeline.start(process)

    def _end(self, n: int) -> None:
        self._busy_until.pop(n, None)
        if n in self._playing:
            self.timeline.stop(self._playing.pop(n))

    def _drive(self, n: int, volts: float) -> None:
        if self.channels[n].output:
            source = f"{self.address}/{n}"
            self._wiring.drive(source, volts, series_resistance=SOURCE_RESISTANCE)

    def _burst(self, n: int, cycles: float) -> Iterator[float]:
        """Play one triggered burst; the instrument is busy with it."""
        channel = self.channels[n]
        start = self.clock.now() + channel.trigger_delay
        self._busy_until[n] = start + cycles * channel.period
        if channel.trigger_delay:
            yield start
        yield from self._cycles(n, cycles)
        del self._busy_until[n]

    def _bursts(self, n: int, cycles: float, interval: float) -> Iterator[float]:
        """Play a burst each `interval`, or one after the other if that is too short."""
        interval = max(interval, cycles * self.channels[n].period)
        start = self.clock.now()
        for index in itertools.count(1):
            yield from self._cycles(n, cycles)
            yield start + index * interval

    def _cycles(self, n: int, cycles: float) -> Iterator[float]:
        """Play cycles from now on, then rest; yield the time of each next step."""
        channel, period = self.channels[n], self.channels[n].period
        waveform = channel.cycle()
        start, done = self.clock.now(), 0.0
        if len(waveform) == 1:  # a constant: nothing happens at its ends
            self._drive(n, waveform[0][1])
            done = cycles
            yield start + cycles * period
        while done < cycles:
            stride = min(self.timeline.stride(period, len(waveform), cycles), cycles - done)
            at = start + done * period
            for seconds, volts in waveform[:-1]:
                self._drive(n, volts)
                at += stride * seconds
                yield at
            self._drive(n, waveform[-1][1])
            done += stride
            yield start + done * period
        self._drive(n, channel.rest)
