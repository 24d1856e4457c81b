"""``*LRN?`` for what measurements are made of: sweeps, pulses, samplings, capacitance."""

from collections.abc import Callable, Sequence

from labsyn.drivers.simulated.b1500a_cmu import Cmu
from labsyn.drivers.simulated.b1500a_settings import SamplingSource, Sweep
from labsyn.drivers.simulated.b1500a_smu import reported_range
from labsyn.drivers.simulated.b1500a_state import Mainframe


def exact(value: float) -> str:
    """Return a number in an answer."""
    return f"{value:+.6E}"


def _times(timing: Sequence[float]) -> str:
    hold, *delays = timing
    return ",".join([f"{hold:.2f}", *(f"{delay:.4f}" for delay in delays)])


def _limits(sweep: Sweep) -> list[str]:
    return [exact(v) for v in (sweep.limit, sweep.power_limit) if v is not None]


def _kind(sweep: Sweep) -> str:
    return "I" if sweep.forces_current else "V"


def _range(source: Sweep | SamplingSource) -> str:
    return str(reported_range(source.range_code, not source.forces_current))


def _sweep(sweep: Sweep, header: str = "W") -> str:
    base = [exact(sweep.base)] if header == "PW" else []
    numbers = [f"{sweep.mode}", _range(sweep), *base, *map(exact, sweep.values)]
    numbers += [f"{sweep.steps}", *_limits(sweep)]
    return f"{header}{_kind(sweep)}{sweep.channel},{','.join(numbers)}"


def _synchronous(sweep: Sweep) -> str:
    numbers = [_range(sweep), *map(exact, sweep.values), *_limits(sweep)]
    return f"WS{_kind(sweep)}{sweep.channel},{','.join(numbers)}"


def _staircase(frame: Mainframe) -> str:
    settings = frame.settings
    parts = [
        f"WM{settings.sweep_abort},{settings.sweep_post}",
        f"WT{_times(settings.sweep_timing)}",
    ]
    if settings.sweep is not None:
        parts.append(_sweep(settings.sweep))
    if settings.synchronous is not None:
        parts.append(_synchronous(settings.synchronous))
    return ";".join(parts)


def _pulse(frame: Mainframe) -> str:
    settings = frame.settings
    parts = [f"PT{_times(settings.pulse_timing)}"]
    pulse = settings.pulse
    if pulse is not None:
        numbers = [_range(pulse), *map(exact, pulse.values), *_limits(pulse)]
        parts.append(f"P{_kind(pulse)}{pulse.channel},{','.join(numbers)}")
    if settings.pulsed_sweep is not None:
        parts.append(_sweep(settings.pulsed_sweep, "PW"))
    return ";".join(parts)


def _quasi_pulse(frame: Mainframe) -> str:
    settings = frame.settings.quasi_pulse
    parts = [
        f"BDM{settings.interval},{settings.mode}",
        f"BDT{settings.hold:.2f},{settings.delay:.4f}",
    ]
    source = settings.source
    if source is not None:
        numbers = [_range(source), *map(exact, source.values), *_limits(source)]
        parts.append(f"BDV{source.channel},{','.join(numbers)}")
    return ";".join(parts)


def _sampling(frame: Mainframe) -> str:
    settings = frame.settings.sampling
    timing = (
        f"{settings.bias_hold:.4f}",
        f"{settings.interval:.5f}",
        f"{settings.number}",
        f"{settings.base_hold:.2f}",
    )
    parts = [f"MSC{settings.abort},{settings.post}", f"ML{settings.law}"]
    parts.append(f"MT{','.join(timing)}")
    for source in settings.sources.values():
        kind = "I" if source.forces_current else "V"
        numbers = [_range(source), exact(source.base), exact(source.bias)]
        numbers += [exact(source.limit)] if source.limit is not None else []
        parts.append(f"M{kind}{source.channel},{','.join(numbers)}")
    for channel, values in settings.after.items():
        given = [exact(value) for value in values if value is not None]
        parts.append(",".join([f"MSP{channel}", *given]))
    return ";".join(parts)


def _quasi_static(frame: Mainframe) -> str:
    settings = frame.settings.quasi_static
    integration = (settings.capacitance_time, settings.leakage_time)
    timing = ",".join(f"{v:.4f}" for v in (*integration, settings.hold, *settings.delays))
    parts = [
        f"QSC{settings.compatible}",
        f"QSL{settings.leakage_output},{settings.compensation}",
        f"QSM{settings.abort},{settings.post}",
        f"QSO{settings.smart}",
        f"QSR{settings.current_range}",
        f"QST{timing}",
    ]
    source = settings.source
    if source is not None:
        numbers = [f"{source.mode}", _range(source), *map(exact, source.values)]
        numbers += [exact(settings.step_voltage), f"{source.steps}", *_limits(source)]
        parts.append(f"QSV{source.channel},{','.join(numbers)}")
    return ";".join(parts)


def _further_sources(frame: Mainframe) -> str:
    """Answer WT and WM, the primary source, and those of WNX."""
    parts = [_staircase(frame)]
    for n, source in sorted(frame.settings.more_sources.items()):
        kind = 2 if source.forces_current else 1
        numbers = [f"{kind}", _range(source), *map(exact, source.values)]
        numbers += _limits(source)
        parts.append(f"WNX{n},{source.channel},{','.join(numbers)}")
    return ";".join(parts)


def _cv(frame: Mainframe) -> str:
    settings = frame.settings.cv
    parts = [f"WMDCV{settings.abort},{settings.post}", f"WTDCV{_times(settings.timing)}"]
    source = settings.source
    if source is not None:
        start, stop = source.values
        limit = [exact(source.limit)] if source.limit is not None else []
        numbers = [f"{source.mode}", f"{start!r}", f"{stop!r}", f"{source.steps}", *limit]
        parts.append(f"WDCV{source.channel},{','.join(numbers)}")
    return ";".join(parts)


def _of_cmus(setting: Callable[[Cmu], str], without: str) -> Callable[[Mainframe], str]:
    """Return the answer of a setting that all capacitance units share."""

    def answer(frame: Mainframe) -> str:
        return next((setting(cmu) for cmu in frame.cmus.values()), without)

    return answer


MODE_TYPES: dict[int, Callable[[Mainframe], str]] = {
    33: _staircase,
    34: _pulse,
    37: _quasi_pulse,
    38: lambda frame: f"ERMOD{frame.selector.mode}",
    47: _sampling,
    49: _quasi_static,
    58: lambda frame: f"TM{frame.settings.trigger_mode}",
    59: _further_sources,
    70: _of_cmus(lambda cmu: f"IMP{cmu.mode}", "IMP100"),
    71: _of_cmus(lambda cmu: f"LMN{cmu.monitor}", "LMN0"),
    72: _of_cmus(lambda cmu: f"ACT{cmu.averaging[0]},{cmu.averaging[1]}", "ACT0,2"),
    73: lambda frame: ";".join(
        f"RC{cmu.slot},{cmu.ranging[0]},{cmu.ranging[1]}" for cmu in frame.cmus.values()
    ),
    90: lambda frame: ";".join(
        f"ADJ{cmu.slot},{cmu.adjustment}" for cmu in frame.cmus.values()
    ),
    100: _cv,
}
"""Answers by type; those without a capacitance unit name the initial settings."""
