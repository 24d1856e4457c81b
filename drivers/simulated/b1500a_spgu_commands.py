"""B1500A commands of the pulse generators."""

from dataclasses import replace

from labsyn.drivers.simulated.b1500a_spgu import COUNT, FREE_RUN
from labsyn.drivers.simulated.b1500a_state import Mainframe
from labsyn.drivers.simulated.b1500a_waveform import PulseShape, PulseSwitch, Waveform
from labsyn.drivers.simulated.flex import (
    BAD_PARAMETER,
    CHANNEL,
    CHANNEL_OFF,
    CHANNELS,
    ON_OFF,
    Command,
    FlexError,
    choice,
    integer,
    number,
)


def _set_mode(frame: Mainframe, mode: int) -> None:
    """SIM: pulses (0) or arbitrary waves (1); every channel that is on goes to 0 V."""
    frame.spgu.stop()
    frame.spgu.mode = mode
    for channel in frame.spgu.active:
        channel.zero()


def _query_mode(frame: Mainframe) -> str:
    return str(frame.spgu.mode)


def _set_operation(frame: Mainframe, kind: int, condition: float | None) -> None:
    """SPRM: free run, a count, or a duration; a running train ends."""
    if kind == FREE_RUN:
        value = 0.0
    elif condition is None:
        raise FlexError(BAD_PARAMETER)
    elif kind == COUNT:
        if not condition.is_integer() or not 1 <= condition <= 1_000_000:
            raise FlexError(BAD_PARAMETER)
        value = condition
    else:
        if not 1e-6 <= condition <= 31_556_926:
            raise FlexError(BAD_PARAMETER)
        value = condition
    frame.spgu.stop()
    frame.spgu.operation = (kind, value)


def _query_operation(frame: Mainframe) -> str:
    """SPRM?: mode and condition; there is a comma also in free run."""
    kind, condition = frame.spgu.operation
    return f"{kind},{condition:g}" if kind != COUNT else f"{kind},{condition:.0f}"


def _set_period(frame: Mainframe, seconds: float) -> None:
    frame.spgu.period = seconds


def _query_period(frame: Mainframe) -> str:
    return f"{frame.spgu.period:.6E}"


def _set_output(frame: Mainframe, number_: int, mode: int) -> None:
    frame.spgu.channel(number_).waveform.mode = mode


def _query_output(frame: Mainframe, number_: int) -> str:
    return str(frame.spgu.channel(number_).waveform.mode)


def _set_voltage(
    frame: Mainframe, number_: int, source: int, base: float, peak: float | None
) -> None:
    waveform = frame.spgu.channel(number_).waveform
    voltages = (base, waveform.voltages[source][1] if peak is None else peak)
    _check(replace(waveform, voltages=waveform.voltages | {source: voltages}))
    waveform.voltages[source] = voltages


def _check(waveform: Waveform) -> None:
    """Raise FlexError 120 if the generator would need more than 40 V."""
    if not waveform.is_possible():
        raise FlexError(BAD_PARAMETER)


def _query_voltage(frame: Mainframe, number_: int, source: int) -> str:
    base, peak = frame.spgu.channel(number_).waveform.voltages[source]
    return f"{base:.3f},{peak:.3f}"


def _set_timing(
    frame: Mainframe, number_: int, source: int, delay: float, width: float, leading: float,
    trailing: float | None,
) -> None:  # fmt: skip
    """SPT: the trailing edge takes as long as the leading one if nothing else is said."""
    shape = PulseShape(delay, width, leading, leading if trailing is None else trailing)
    frame.spgu.channel(number_).waveform.shapes[source] = shape


def _query_timing(frame: Mainframe, number_: int, source: int) -> str:
    shape = frame.spgu.channel(number_).waveform.shapes[source]
    values = (shape.delay, shape.width, shape.leading, shape.trailing)
    return ",".join(f"{value:.6E}" for value in values)


def _set_load(frame: Mainframe, number_: int, ohms: float) -> None:
    waveform = frame.spgu.channel(number_).waveform
    _check(replace(waveform, load=ohms))
    waveform.load = ohms


def _query_load(frame: Mainframe, number_: int) -> str:
    return f"{frame.spgu.channel(number_).waveform.load:.6E}"


def _measure_load(
    frame: Mainframe, number_: int, use: int, delay: float, interval: float, count: int
) -> str:
    """CORRSER?: apply the base voltage, and answer load voltage and impedance.

    The form of the answer is unverified.
    """
    channel = frame.spgu.channel(number_)
    if not channel.on:
        raise FlexError(CHANNEL_OFF)
    channel.rest()
    frame.pass_time(delay + interval * count)
    amperes = frame.wiring.current(channel.source)
    volts = channel.waveform.base() - 50.0 * amperes
    ohms = min(max(volts / amperes, 0.1), 1e6) if amperes else 1e6
    if use:
        _set_load(frame, number_, ohms)
    return f"{volts:.3f},{ohms:.6E}"


def _apply(frame: Mainframe, *numbers: int) -> None:
    """SPUPD: put the base voltage out."""
    channels = [frame.spgu.channel(number_) for number_ in numbers] or frame.spgu.active
    if not all(channel.on for channel in channels):
        raise FlexError(CHANNEL_OFF)
    for channel in channels:
        channel.rest()


def _start(frame: Mainframe) -> None:
    frame.spgu.start()


def _stop(frame: Mainframe) -> None:
    frame.spgu.stop()


def _query_status(frame: Mainframe) -> str:
    return "1" if frame.spgu.running else "0"


def _set_switch(
    frame: Mainframe, number_: int, on: int, normally_closed: int | None,
    delay: float | None, width: float | None,
) -> None:  # fmt: skip
    """ODSW: delay and width come together."""
    if (delay is None) != (width is None):
        raise FlexError(BAD_PARAMETER)
    waveform = frame.spgu.channel(number_).waveform
    old = waveform.switch
    waveform.switch = PulseSwitch(
        enabled=on,
        normally_closed=old.normally_closed if normally_closed is None else normally_closed,
        delay=old.delay if delay is None else delay,
        width=old.width if width is None else width,
    )


def _query_switch(frame: Mainframe, number_: int) -> str:
    switch = frame.spgu.channel(number_).waveform.switch
    return f"{switch.enabled},{switch.normally_closed},{switch.delay:.6E},{switch.width:.6E}"


def _set_trigger(frame: Mainframe, number_: int, state: int) -> None:
    """STGP: all channels of the module share it; no line is on the trigger output."""
    module = frame.spgu.channel(number_).module
    for channel in frame.spgu.channels.values():
        if channel.module == module:
            channel.trigger = state


def _query_trigger(frame: Mainframe, number_: int) -> str:
    return str(frame.spgu.channel(number_).trigger)


_SOURCE = choice(0, 1, 2)
_PULSE_SOURCE = choice(1, 2)

COMMANDS = {
    "SIM": Command(_set_mode, (ON_OFF,)),
    "SIM?": Command(_query_mode),
    "SPRM": Command(_set_operation, (choice(0, 1, 2), number(optional=True))),
    "SPRM?": Command(_query_operation),
    "SPPER": Command(_set_period, (number(2e-8, 10),)),
    "SPPER?": Command(_query_period),
    "SPM": Command(_set_output, (CHANNEL, choice(0, 1, 2, 3))),
    "SPM?": Command(_query_output, (CHANNEL,)),
    "SPV": Command(
        _set_voltage, (CHANNEL, _SOURCE, number(-40, 40), number(-40, 40, optional=True))
    ),
    "SPV?": Command(_query_voltage, (CHANNEL, _SOURCE)),
    "SPT": Command(
        _set_timing,
        (CHANNEL, _PULSE_SOURCE, number(0, 10), number(1e-8, 10), number(8e-9, 0.4),
         number(8e-9, 0.4, optional=True)),
    ),
    "SPT?": Command(_query_timing, (CHANNEL, _PULSE_SOURCE)),
    "SER": Command(_set_load, (CHANNEL, number(0.1, 1e6))),
    "SER?": Command(_query_load, (CHANNEL,)),
    "CORRSER?": Command(
        _measure_load, (CHANNEL, ON_OFF, number(0, 10), number(0, 10), integer(1, 100_000))
    ),
    "SPUPD": Command(_apply, (CHANNELS,)),
    "SRP": Command(_start),
    "SPP": Command(_stop),
    "SPST?": Command(_query_status),
    "ODSW": Command(
        _set_switch,
        (CHANNEL, ON_OFF, choice(0, 1, optional=True), number(0, 10, optional=True),
         number(0, 10, optional=True)),
    ),
    "ODSW?": Command(_query_switch, (CHANNEL,)),
    "STGP": Command(_set_trigger, (CHANNEL, choice(0, 1, 2, 3))),
    "STGP?": Command(_query_trigger, (CHANNEL,)),
}  # fmt: skip
