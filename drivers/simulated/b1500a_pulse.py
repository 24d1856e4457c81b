"""Pulsed measurements of a simulated B1500A: spot (MM 3) and sweep (MM 4)."""

from dataclasses import dataclass

from labsyn.drivers.simulated.b1500a_reading import (
    missing,
    read,
    source_item,
    stamped,
)
from labsyn.drivers.simulated.b1500a_settings import Sweep
from labsyn.drivers.simulated.b1500a_smu import Smu
from labsyn.drivers.simulated.b1500a_state import Mainframe
from labsyn.drivers.simulated.b1500a_steps import aborts, step_sources, sweep_values
from labsyn.drivers.simulated.flex import BAD_PARAMETER, FlexError
from labsyn.drivers.simulated.flex_data import Item


@dataclass
class PulsedSource:
    """The pulse source at work: the reading is at the end of each pulse.

    Its integration lies within the pulse and takes no time of its own.
    """

    sweep: Sweep
    smu: Smu
    base: float

    @classmethod
    def of(cls, frame: Mainframe, sweep: Sweep, base: float) -> "PulsedSource":
        """Return the source of `sweep`; raise FlexError 200 if its channel is off."""
        return cls(sweep, frame.active_smu(sweep.channel), base)

    def prepare(self) -> None:
        """Force the base, in an output range that covers every pulse."""
        sweep = self.sweep
        covering = max((self.base, *sweep.values), key=abs)
        ranged = self.smu.prepared(
            sweep.forces_current, sweep.range_code, covering, sweep.limit
        )
        self.smu.apply(
            self.smu.prepared(sweep.forces_current, ranged.range_code, self.base, sweep.limit)
        )

    def measure(self, frame: Mainframe, smu: Smu, peak: float) -> list[Item]:
        """Put one pulse out in its period; return what `smu` measured at its end."""
        _, width, period, delay = frame.settings.pulse_timing
        del delay  # of the trigger output, which leads nowhere
        stamp = frame.time_item(smu.slot)
        self.smu.force(peak, self.sweep.power_limit)
        frame.pass_time(width)
        found = read(smu, min(width, frame.pulse_integration_time), high_speed=True)
        readings = [frame.reading_item(smu, value) for value in found]
        self.smu.force(self.base)
        frame.pass_time(period - width)
        return stamped(frame, stamp, readings)


def pulsed_spot(frame: Mainframe, smus: list[Smu]) -> list[Item]:
    """MM 3: one pulse of PV or PI."""
    pulse = frame.settings.pulse
    if pulse is None:
        raise FlexError(BAD_PARAMETER)
    source = PulsedSource.of(frame, pulse, pulse.values[0])
    source.prepare()
    frame.pass_time(frame.settings.pulse_timing[0])
    return source.measure(frame, smus[0], pulse.values[1])


def pulsed_sweep(frame: Mainframe, smus: list[Smu]) -> list[Item]:
    """MM 4: pulses of rising height from one base; a synchronous source steps along."""
    settings = frame.settings
    sweep = settings.pulsed_sweep
    if sweep is None:
        raise FlexError(BAD_PARAMETER)
    source = PulsedSource.of(frame, sweep, sweep.base)
    along = [settings.synchronous.like(sweep)] if settings.synchronous is not None else []
    others = step_sources(frame, along)
    values = sweep_values(sweep)
    shown = [(sweep, values), *((other.sweep, other.values) for other in others)]
    reported = dict(enumerate(shown, start=1)).get(settings.data_mode)
    stops = aborts(frame, sweep, *along)
    source.prepare()
    for other in others:
        other.prepare()
    frame.pass_time(settings.pulse_timing[0])
    items: list[Item] = []
    aborted = False
    for index, value in enumerate(values):
        if aborted:
            items += missing(frame, smus)
        else:
            for other in others:
                other.step(index)
            found = source.measure(frame, smus[0], value)
            items += found
            aborted = stops and any(item.failed for item in found)
        if reported is not None:
            last = index == len(values) - 1
            items.append(source_item(frame, reported[0], reported[1][index], last=last))
    for other in others:
        other.finish(aborted=aborted, post=settings.sweep_post)
    return items
