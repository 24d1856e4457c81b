"""Capacitance measurements of a simulated B1500A: spot (MM 17, TC) and C-V sweep (MM 18)."""

from labsyn.drivers.simulated.b1500a_cmu import Cmu
from labsyn.drivers.simulated.b1500a_reading import dummies, source_item
from labsyn.drivers.simulated.b1500a_settings import Sweep
from labsyn.drivers.simulated.b1500a_smu import Smu
from labsyn.drivers.simulated.b1500a_state import LINE_FREQUENCY, Mainframe
from labsyn.drivers.simulated.b1500a_steps import StepSource, sweep_values
from labsyn.drivers.simulated.flex import BAD_PARAMETER, FlexError
from labsyn.drivers.simulated.flex_binary import BINARY_FORMATS
from labsyn.drivers.simulated.flex_data import Item


def capacitance(frame: Mainframe, cmu: Cmu, *, timed: bool) -> list[Item]:
    """Return one measurement: both parameters of IMP, and with LMN 1 ac level and bias.

    Binary formats have other parameters and range codes that are not known here: they
    are refused (error 120).
    """
    if frame.settings.data_format in BINARY_FORMATS:
        raise FlexError(BAD_PARAMETER)
    stamp = frame.time_item(cmu.slot)
    seconds = cmu.seconds(LINE_FREQUENCY)
    frame.pass_time(seconds)
    values = cmu.measure(seconds) + (cmu.monitored() if cmu.monitor else [])
    items = [Item(channel=cmu.slot, kind=kind, value=value) for kind, value in values]
    return [stamp, *items] if timed else items


def spot(frame: Mainframe, cmu: Cmu) -> list[Item]:
    """MM 17: one measurement at the present bias."""
    return capacitance(frame, cmu, timed=bool(frame.settings.time_stamp))


def bias_sweep(frame: Mainframe, cmu: Cmu) -> list[Item]:
    """MM 18: a measurement at each step of the dc bias of the unit, or of an SMU."""
    settings = frame.settings
    sweep = settings.cv.source
    if sweep is None:
        raise FlexError(BAD_PARAMETER)
    source = _BiasSource(frame, sweep)
    hold, delay, step_delay, _, measurement_delay = settings.cv.timing
    source.prepare()
    frame.pass_time(hold)
    items: list[Item] = []
    found: list[Item] = []
    aborted = False
    for index, volts in enumerate(source.values):
        if aborted:
            items += dummies(found)
        else:
            source.step(index)
            frame.pass_time(delay + measurement_delay)
            begin = frame.clock.now()
            found = spot(frame, cmu)
            frame.pass_time(begin + step_delay - frame.clock.now())
            items += found
            aborted = settings.cv.abort == 2 and any(item.value is None for item in found)
        if settings.data_mode == 1:
            last = index == len(source.values) - 1
            items.append(source_item(frame, sweep, volts, last=last))
    source.finish(aborted=aborted, post=settings.cv.post)
    return items


class _BiasSource:
    """The unit that sweeps the bias: the capacitance unit itself, or an SMU."""

    def __init__(self, frame: Mainframe, sweep: Sweep) -> None:
        self.values = sweep_values(sweep)
        self._sweep = sweep
        self._cmu: Cmu | None = None
        self._smu: StepSource | None = None
        if sweep.channel in frame.cmus:
            self._cmu = frame.active_cmu(sweep.channel)
        else:
            smu: Smu = frame.active_smu(sweep.channel)
            self._smu = StepSource(sweep, smu, self.values)

    def prepare(self) -> None:
        if self._smu is not None:
            self._smu.prepare()
        elif self._cmu is not None:
            self._cmu.force(self.values[0])

    def step(self, index: int) -> None:
        if self._smu is not None:
            self._smu.step(index)
        elif self._cmu is not None:
            self._cmu.force(self.values[index])

    def finish(self, *, aborted: bool, post: int) -> None:
        if self._smu is not None:
            self._smu.finish(aborted=aborted, post=post)
        elif self._cmu is not None:
            self._cmu.force(self._sweep.values[0 if aborted else post - 1])
