"""Staircase sweeps of a simulated B1500A: MM 2, with pulsed bias (5), multi-channel (16)."""

from collections.abc import Callable

from labsyn.drivers.simulated.b1500a_pulse import PulsedSource
from labsyn.drivers.simulated.b1500a_reading import measure, missing, source_item
from labsyn.drivers.simulated.b1500a_settings import Sweep
from labsyn.drivers.simulated.b1500a_smu import Smu
from labsyn.drivers.simulated.b1500a_state import Mainframe
from labsyn.drivers.simulated.b1500a_steps import aborts, step_sources
from labsyn.drivers.simulated.flex import BAD_PARAMETER, FlexError
from labsyn.drivers.simulated.flex_data import Item


def staircase(frame: Mainframe, smus: list[Smu]) -> list[Item]:
    """MM 2: the sweep source and a synchronous one."""
    return _run(frame, smus, _with_synchronous(frame), lambda: measure(frame, smus))


def multi_channel(frame: Mainframe, smus: list[Smu]) -> list[Item]:
    """MM 16: the sweep source and up to nine of WNX, in the order of their numbers."""
    settings = frame.settings
    if settings.sweep is None:
        raise FlexError(BAD_PARAMETER)
    sweeps = {1: settings.sweep} | dict(sorted(settings.more_sources.items()))
    return _run(frame, smus, sweeps, lambda: measure(frame, smus, parallel=True))


def pulsed_bias(frame: Mainframe, smus: list[Smu]) -> list[Item]:
    """MM 5: a pulse of PV or PI at every step; the reading is at the end of the pulse."""
    settings = frame.settings
    sweeps = _with_synchronous(frame)
    if settings.pulse is None or sweeps[1].mode not in (1, 3):  # linear steps only
        raise FlexError(BAD_PARAMETER)
    pulse = PulsedSource.of(frame, settings.pulse, settings.pulse.values[0])
    step_sources(frame, list(sweeps.values()))  # all are on, or nothing is forced
    pulse.prepare()
    peak = settings.pulse.values[1]
    return _run(frame, smus, sweeps, lambda: pulse.measure(frame, smus[0], peak), paced=True)


def _with_synchronous(frame: Mainframe) -> dict[int, Sweep]:
    """Return the sweep source as number 1, and the synchronous one, if any, as 2."""
    settings = frame.settings
    if settings.sweep is None:
        raise FlexError(BAD_PARAMETER)
    others = {2: settings.synchronous} if settings.synchronous is not None else {}
    return {1: settings.sweep} | others


def _run(
    frame: Mainframe,
    smus: list[Smu],
    sweeps: dict[int, Sweep],
    read: Callable[[], list[Item]],
    *,
    paced: bool = False,
) -> list[Item]:
    """Step all sources together; `paced` steps take the period of a pulse, not of WT.

    The second mode of FMT is the number of the source that is added to the data.
    """
    settings = frame.settings
    sources = step_sources(frame, list(sweeps.values()))
    reported = dict(zip(sweeps, sources, strict=True)).get(settings.data_mode)
    stops = aborts(frame, *sweeps.values())
    hold, delay, step_delay, _, measurement_delay = settings.sweep_timing
    if paced:
        hold, delay, step_delay, measurement_delay = settings.pulse_timing[0], 0.0, 0.0, 0.0
    for source in sources:
        source.prepare()
    frame.pass_time(hold)
    items: list[Item] = []
    aborted = False
    for index in range(len(sources[0].values)):
        if aborted:
            items += missing(frame, smus)
        else:
            for source in sources:
                source.step(index)
            frame.pass_time(delay + measurement_delay)
            begin = frame.clock.now()
            found = read()
            # The step delay runs from the start of the measurement, not from its end.
            frame.pass_time(begin + step_delay - frame.clock.now())
            items += found
            aborted = stops and any(item.failed for item in found)
        if reported is not None:
            value = reported.values[index]
            last = index == len(reported.values) - 1
            items.append(source_item(frame, reported.sweep, value, last=last))
    for source in sources:
        source.finish(aborted=aborted, post=settings.sweep_post)
    return items
