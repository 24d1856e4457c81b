"""``*LRN?``: the settings of a B1500A as the commands that would make them again.

No space stands after a mnemonic: real answers read ``RI1,0`` (Programming Guide, ed. 11).
"""

from collections.abc import Callable

from labsyn.drivers.simulated.b1500a_smu import Smu
from labsyn.drivers.simulated.b1500a_state import Mainframe, Sweep
from labsyn.drivers.simulated.flex import BAD_PARAMETER, Command, FlexError, integer


def learn(frame: Mainframe, kind: int | None) -> str:
    """Answer the settings of one type; 1 to 10 are the slots."""
    if kind is None or kind == 0:
        return _switches(frame)
    if 1 <= kind <= 10:
        return _output(frame.smu(kind))
    if kind not in _TYPES:
        raise FlexError(BAD_PARAMETER)
    return _TYPES[kind](frame)


def _switches(frame: Mainframe) -> str:
    on = [str(slot) for slot, smu in frame.smus.items() if smu.on]
    return f"CN{','.join(on)}" if on else "CL"


def _output(smu: Smu) -> str:
    if not smu.on:
        return f"CL{smu.slot}"
    output = smu.output
    header = "DI" if output.forces_current else "DV"
    return (
        f"{header}{smu.slot},{output.range_code},{_exact(output.value)},"
        f"{_exact(output.limit)},{output.polarity},{output.limit_range}"
    )


def _exact(value: float) -> str:
    return f"{value:+.6E}"


def _each(frame: Mainframe, setting: Callable[[Smu], str]) -> str:
    return ";".join(setting(smu) for smu in frame.smus.values())


def _filters(frame: Mainframe) -> str:
    groups: dict[int, list[str]] = {0: [], 1: []}
    for smu in frame.smus.values():
        groups[smu.filter_on].append(str(smu.slot))
    if not groups[0] or not groups[1]:
        return "FL1" if groups[1] else "FL0"
    return f"FL0,{','.join(groups[0])};FL1,{','.join(groups[1])}"


def _common(frame: Mainframe) -> str:
    settings = frame.settings
    parts = [f"TM{settings.trigger_mode}"]
    mode, n = settings.adc_modes[0]
    if mode == 2:
        parts.append(f"AV{-n:.0f},0")
    elif mode != 3:  # AV has no form for a time
        parts.append(f"AV{n:.0f},{mode}")
    parts.append(f"CM{settings.auto_calibration}")
    parts.append(f"FMT{settings.data_format},{settings.data_mode}")
    if settings.measurement:
        parts.append(f"MM{','.join(str(value) for value in settings.measurement)}")
    return ";".join(parts)


def _ranges(frame: Mainframe) -> str:
    return _each(
        frame, lambda smu: f"RI{smu.slot},{smu.current_range};RV{smu.slot},{smu.voltage_range}"
    )


def _staircase(frame: Mainframe) -> str:
    settings = frame.settings
    hold, *delays = settings.sweep_timing
    times = ",".join([f"{hold:.2f}", *(f"{delay:.4f}" for delay in delays)])
    parts = [f"WM{settings.sweep_abort},{settings.sweep_post}", f"WT{times}"]
    if settings.sweep is not None:
        parts.append(_sweep(settings.sweep))
    return ";".join(parts)


def _sweep(sweep: Sweep) -> str:
    start, stop = sweep.values
    optional = [value for value in (sweep.limit, sweep.power_limit) if value is not None]
    numbers = [f"{sweep.mode}", f"{sweep.range_code}", _exact(start), _exact(stop)]
    numbers += [f"{sweep.steps}", *(_exact(value) for value in optional)]
    return f"{'WI' if sweep.forces_current else 'WV'}{sweep.channel},{','.join(numbers)}"


def _pulse(frame: Mainframe) -> str:
    hold, width, period, delay = frame.settings.pulse_timing
    text = f"PT{hold:.2f},{width:.4f},{period:.4f},{delay:.4f}"
    pulse = frame.settings.pulse
    if pulse is None:
        return text
    header = "PI" if pulse.forces_current else "PV"
    limit = "" if pulse.limit is None else f",{_exact(pulse.limit)}"
    values = ",".join(_exact(value) for value in pulse.values)
    return f"{text};{header}{pulse.channel},{pulse.range_code},{values}{limit}"


def _converters(frame: Mainframe) -> str:
    modes = frame.settings.adc_modes
    parts = [f"AIT{adc},{modes[adc][0]},{modes[adc][1]:g}" for adc in (0, 1)]
    return ";".join([*parts, f"AZ{frame.settings.auto_zero}"])


def _wait_times(frame: Mainframe) -> str:
    times = frame.settings.wait_times
    return ";".join(f"WAT{kind},{n:.1f},{offset:.4f}" for kind, (n, offset) in times.items())


_TYPES: dict[int, Callable[[Mainframe], str]] = {
    30: _filters,
    31: _common,
    32: _ranges,
    33: _staircase,
    34: _pulse,
    46: lambda frame: _each(frame, lambda smu: f"CMM{smu.slot},{smu.operation}"),
    53: lambda frame: _each(frame, lambda smu: f"SSR{smu.slot},{smu.series_resistor}"),
    54: lambda frame: _each(
        frame, lambda smu: f"RM{smu.slot},{smu.ranging[0]},{smu.ranging[1]}"
    ),
    55: lambda frame: _each(frame, lambda smu: f"AAD{smu.slot},{smu.adc}"),
    56: _converters,
    57: _wait_times,
    60: lambda frame: f"TSC{frame.settings.time_stamp}",
    110: lambda frame: f"PAD{frame.settings.parallel}",
}

COMMANDS = {"*LRN?": Command(learn, (integer(0, 110, optional=True),))}
