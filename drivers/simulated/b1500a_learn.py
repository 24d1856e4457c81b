"""``*LRN?``: the settings of a B1500A as the commands that would make them again.

No space stands after a mnemonic: real answers read ``RI1,0`` (Programming Guide, ed. 11).
"""

from collections.abc import Callable

from labsyn.drivers.simulated.b1500a_cmu import Cmu
from labsyn.drivers.simulated.b1500a_learn_modes import MODE_TYPES, exact
from labsyn.drivers.simulated.b1500a_smu import Smu, reported_range
from labsyn.drivers.simulated.b1500a_spgu import SpguChannel
from labsyn.drivers.simulated.b1500a_state import Mainframe
from labsyn.drivers.simulated.flex import BAD_PARAMETER, Command, FlexError, integer, number


def learn(frame: Mainframe, kind: int | None) -> str:
    """Answer the settings of one type; 1 to 10 are the slots."""
    if kind is None or kind == 0:
        return _switches(frame)
    if 1 <= kind <= 10:
        return _slot(frame, kind)
    if kind not in _TYPES:
        raise FlexError(BAD_PARAMETER)
    return _TYPES[kind](frame)


def _switches(frame: Mainframe) -> str:
    on = [str(_shown(unit)) for unit in frame.chosen_channels(()) if unit.on]
    return f"CN{','.join(on)}" if on else "CL"


def _shown(unit: Smu | Cmu | SpguChannel) -> int:
    """Return the channel number in an answer: a slot, or 301 and 302 of a generator."""
    if isinstance(unit, SpguChannel) and unit.slot <= 10:
        return unit.slot * 100 + 1
    return unit.slot


def _slot(frame: Mainframe, slot: int) -> str:
    """Answer the outputs of a module."""
    if slot in frame.cmus:
        return _impedance(frame.cmus[slot])
    generators = [unit for unit in frame.spgu.channels.values() if unit.module == slot]
    if generators:
        return ";".join(_generator(unit) for unit in generators)
    return _output(frame.smu(slot))


def _impedance(cmu: Cmu) -> str:
    if not cmu.on:
        return f"CL{cmu.slot}"
    return (
        f"DCV{cmu.slot},{cmu.bias:.3f};ACV{cmu.slot},{cmu.level:.3f};"
        f"FC{cmu.slot},{cmu.frequency:.3f}"
    )


def _generator(unit: SpguChannel) -> str:
    """Answer the switch of a pulse generator; its settings have queries of their own."""
    return f"{'CN' if unit.on else 'CL'}{_shown(unit)}"


def _output(smu: Smu) -> str:
    if not smu.on:
        return f"CL{smu.slot}"
    output = smu.output
    header = "DI" if output.forces_current else "DV"
    return (
        f"{header}{smu.slot},{output.range_code},{exact(output.value)},"
        f"{exact(output.limit)},{output.polarity},{output.limit_range}"
    )


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
    def ranges(smu: Smu) -> str:
        voltage_range = reported_range(smu.voltage_range, True)
        return f"RI{smu.slot},{smu.current_range};RV{smu.slot},{voltage_range}"

    return _each(frame, ranges)


def _converters(frame: Mainframe) -> str:
    modes = frame.settings.adc_modes
    parts = [f"AIT{adc},{modes[adc][0]},{modes[adc][1]:g}" for adc in (0, 1)]
    return ";".join([*parts, f"AZ{frame.settings.auto_zero}"])


def _wait_times(frame: Mainframe) -> str:
    times = frame.settings.wait_times
    return ";".join(f"WAT{kind},{n:.1f},{offset:.4f}" for kind, (n, offset) in times.items())


_TYPES: dict[int, Callable[[Mainframe], str]] = {
    **MODE_TYPES,
    30: _filters,
    31: _common,
    32: _ranges,
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


def _operation(frame: Mainframe) -> str:
    """LOP?: two digits a slot (their meaning is unverified).

    00 nothing, off, or a pulse generator; 10 voltage and 20 current, 11 and 21 in
    compliance; 40 a capacitance unit.
    """
    states = []
    for slot in range(1, 11):
        smu = frame.smus.get(slot)
        if smu is not None and smu.on:
            kind = 2 if smu.output.forces_current else 1
            states.append(f"{kind}{int(smu.in_compliance)}")
        elif slot in frame.cmus and frame.cmus[slot].on:
            states.append("40")
        else:
            states.append("00")
    return f"LOP{','.join(states)}"


def _all_zero(frame: Mainframe, seconds: float | None) -> str:
    """WZ?: 0 if every output lies within 2 V, 1 if one still does not after the wait."""
    if _within(frame):
        return "0"
    frame.pass_time(seconds or 0.0)
    return "0" if _within(frame) else "1"


def _within(frame: Mainframe) -> bool:
    outputs = (frame.wiring.voltage(unit.source) for unit in frame.channels.values())
    return all(abs(volts or 0.0) <= 2.0 for volts in outputs)


COMMANDS = {
    "*LRN?": Command(learn, (integer(0, 110, optional=True),)),
    "LOP?": Command(_operation),
    "WZ?": Command(_all_zero, (number(0, 655.35, optional=True),)),
}
