"""The pulse generators B1525A of a simulated B1500A: all modules run together.

A train with an end (SPRM 1 and 2) is put out while SRP is handled, as XE handles a
measurement: when the message has been written the pulses have reached the device, and
``SPST?`` answers 0. A free-running one goes on by itself on a `Timeline`. On a plain
virtual clock it goes on whenever time passes in this mainframe (PA, measurements); while
time passes elsewhere its last voltage stays, and a warning is noted.

Trains of very many pulses take several periods as one, first all the time at the first
level, then at the next: the times at each level stay exact.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.b1500a_waveform import SOURCE_RESISTANCE, Waveform, pieces
from labsyn.drivers.simulated.flex import BAD_PARAMETER, FlexError
from labsyn.drivers.simulated.timeline import MOST_STEPS, Timeline
from labsyn.drivers.simulated.wiring import Wiring

SPGU_MODEL = "B1525A"
FREE_RUN, COUNT, DURATION = 0, 1, 2
_CURRENT_LIMIT = 0.8  # 40 V into the 50 Ω of the source
DEFAULT_PERIOD = 1e-6  # a choice


@dataclass(eq=False)
class SpguChannel:
    """One output: its waveform, and the wiring behind 50 Ω."""

    slot: int  # channel number: the slot, or slot * 100 + 2
    source: str
    wiring: Wiring
    on: bool = False
    zeroed: bool = False
    waveform: Waveform = field(default_factory=Waveform)
    trigger: int = 0

    @property
    def module(self) -> int:
        """Slot of the module that it is in."""
        return self.slot // 100 if self.slot > 10 else self.slot

    def switch_on(self) -> None:
        if not self.on:
            self.on, self.zeroed = True, False
            self.drive(0.0)

    def switch_off(self) -> None:
        self.on = False
        self.wiring.release(self.source)

    def reset_settings(self) -> None:
        self.waveform, self.trigger = Waveform(), 0

    def zero(self) -> None:
        """Force 0 V (DZ), whatever the train goes on with, until `rest` or SRP."""
        self.zeroed = True
        self.drive(0.0)

    def restore(self) -> None:
        """Return to the base voltage (RZ)."""
        self.rest()

    def rest(self) -> None:
        """Put out what is between two pulses (SPUPD)."""
        self.zeroed = False
        if self.waveform.switch.enabled and not self.waveform.switch.normally_closed:
            self.drive(None)
        else:
            self.drive(self.waveform.base())

    def drive(self, volts: float | None) -> None:
        """Set the voltage of the generator; None opens the pulse switch."""
        if volts is None or not self.on:
            self.wiring.release(self.source)
            return
        level = 0.0 if self.zeroed else volts
        self.wiring.drive(self.source, level, _CURRENT_LIMIT, SOURCE_RESISTANCE)


class PulseGenerator:
    """All channels, with the period and the operation that they share."""

    def __init__(
        self, wiring: Wiring, clock: VirtualClock, address: str, slots: Sequence[int]
    ) -> None:
        self._wiring, self._clock = wiring, clock
        self._process: Iterator[float] | None = None
        self.running = False
        self.channels: dict[int, SpguChannel] = {}
        for slot in slots:
            for number, name in ((slot, slot * 100 + 1), (slot * 100 + 2, slot * 100 + 2)):
                source = f"{address}/{name}"
                self.channels[number] = SpguChannel(number, source, wiring)
        self.reset()

    def reset(self) -> None:
        """Return to the initial settings; nothing runs."""
        self._halt()
        self.mode = 0
        self.operation: tuple[int, float] = (FREE_RUN, 0.0)
        self.period = DEFAULT_PERIOD
        self._phase = 0.0
        self._left_at = self._clock.now()

    def channel(self, number: int) -> SpguChannel:
        """Return a channel; raise FlexError 120 if there is none."""
        if number not in self.channels:
            raise FlexError(BAD_PARAMETER)
        return self.channels[number]

    @property
    def active(self) -> list[SpguChannel]:
        """Channels that are switched on."""
        return [channel for channel in self.channels.values() if channel.on]

    def start(self) -> None:
        """SRP: begin to put the pulses out, on all channels that are on.

        Raises
        ------
        FlexError
            120 if a pulse does not fit its period, or both together exceed 40 V.
        """
        if not self.channels or self.mode != 0:  # no ALWG pattern can be loaded
            raise FlexError(BAD_PARAMETER)
        if not all(channel.waveform.fits(self.period) for channel in self.active):
            raise FlexError(BAD_PARAMETER)
        self._halt()
        if not self.active:
            return  # nothing is put out: the status stays 0
        for channel in self.active:
            channel.zeroed = False
        kind, condition = self.operation
        self.running, self._phase = True, 0.0
        if kind != FREE_RUN:
            self._play(condition * self.period if kind == COUNT else condition)
            self.stop()
        elif isinstance(self._clock, Timeline):
            self._process = self._train(self._clock)
            self._clock.start(self._process)

    def stop(self) -> None:
        """Return every channel to its base voltage; the status is 0."""
        if self.running:
            self._halt()
            for channel in self.active:
                channel.rest()

    def _halt(self) -> None:
        """End the train where it is."""
        if self._process is not None and isinstance(self._clock, Timeline):
            self._clock.stop(self._process)
            self._process = None
        self.running = False

    def pass_time(self, seconds: float) -> None:
        """Let `seconds` pass; a free-running train goes on."""
        if self.running and self.active and self._process is None:
            self._play(seconds)
        else:
            self._clock.sleep(seconds)

    def note_absence(self) -> None:
        """Note the time that passed outside: the free-running train was not seen then."""
        away = self._clock.now() - self._left_at
        if self.running and away > 0 and self._process is None:
            self._wiring.warnings.append(
                f"the pulse generator ran free while {away:g} s passed outside its "
                "mainframe: the device saw the last voltage instead"
            )

    def leave(self) -> None:
        """Remember when the last message was done."""
        self._left_at = self._clock.now()

    def _play(self, seconds: float) -> None:
        """Put out `seconds` of the train from the phase that it has reached."""
        channels, parts = self.active, self._parts()
        left, tiny = seconds, 1e-9 * self.period
        most = math.ceil(seconds / self.period * len(parts) / MOST_STEPS)
        while left > tiny:
            stride = min(most, math.floor(left / self.period)) if not self._phase else 1
            stride = max(1, stride)
            for end, levels in parts:
                if end - self._phase <= tiny or left <= tiny:
                    continue
                for channel, volts in zip(channels, levels, strict=True):
                    channel.drive(volts)
                lasts = min(stride * (end - self._phase), left)
                self._clock.sleep(lasts)
                left -= lasts
                self._phase += lasts / stride
            if self._phase >= self.period - tiny:
                self._phase = 0.0

    def _parts(self) -> list[tuple[float, list[float | None]]]:
        """Return the end of each part of a period, and the volts of each active channel."""
        waveforms = [channel.waveform for channel in self.active]
        return [
            (end, [waveform.volts((begin + end) / 2) for waveform in waveforms])
            for begin, end in pieces(waveforms, self.period)
        ]

    def _train(self, line: Timeline) -> Iterator[float]:
        """Put pulses out for ever; yield when the output is to change next."""
        channels, parts, period = self.active, self._parts(), self.period
        begin = self._clock.now()
        while True:
            stride = line.stride(period, len(parts))
            for end, levels in parts:
                for channel, volts in zip(channels, levels, strict=True):
                    channel.drive(volts)
                yield begin + stride * end
            begin += stride * period
