"""B1500A commands of the channels: switch, force, and high-speed spot measurements."""

from labsyn.drivers.simulated.b1500a_smu import Smu
from labsyn.drivers.simulated.b1500a_state import Channel, Mainframe
from labsyn.drivers.simulated.flex import (
    CHANNEL,
    CHANNEL_OFF,
    CHANNELS,
    OPTIONAL_RANGE,
    OUTPUT_RANGE,
    Command,
    FlexError,
    choice,
    integer,
    number,
)
from labsyn.drivers.simulated.flex_data import Item


def _switch_on(frame: Mainframe, *channels: int) -> None:
    for unit in frame.chosen_channels(channels):
        unit.switch_on()


def _switch_off(frame: Mainframe, *channels: int) -> None:
    frame.switch_off(frame.chosen_channels(channels))


def _active(frame: Mainframe, channels: tuple[int, ...]) -> list[Channel]:
    """Return the units named, which must be on; without names all that are on."""
    units = frame.chosen_channels(channels)
    if channels and not all(unit.on for unit in units):
        raise FlexError(CHANNEL_OFF)
    return [unit for unit in units if unit.on]


def _zero(frame: Mainframe, *channels: int) -> None:
    for unit in _active(frame, channels):
        unit.zero()


def _restore(frame: Mainframe, *channels: int) -> None:
    for unit in _active(frame, channels):
        unit.restore()


def _initialize(frame: Mainframe, *channels: int) -> None:
    """IN: 0 V with the settings that CN gives."""
    units = _active(frame, channels)
    frame.switch_off(units)
    for unit in units:
        unit.switch_on()


def _force(
    frame: Mainframe, forces_current: bool, channel: int, code: int, value: float,
    limit: float | None, polarity: int | None, limit_range: int | None,
) -> Smu:  # fmt: skip
    smu = frame.active_smu(channel)
    output = smu.prepared(forces_current, code, value, limit, polarity, limit_range)
    smu.apply(output)
    smu.stored = None
    return smu


def _force_voltage(
    frame: Mainframe, channel: int, code: int, volts: float, limit: float | None,
    polarity: int | None, limit_range: int | None,
) -> None:  # fmt: skip
    _force(frame, False, channel, code, volts, limit, polarity, limit_range)


def _force_current(
    frame: Mainframe, channel: int, code: int, amperes: float, limit: float | None,
    polarity: int | None, limit_range: int | None,
) -> None:  # fmt: skip
    _force(frame, True, channel, code, amperes, limit, polarity, limit_range)


def _force_voltage_timed(
    frame: Mainframe, channel: int, code: int, volts: float, limit: float | None,
    polarity: int | None, limit_range: int | None,
) -> None:  # fmt: skip
    """TDV: as DV, and the time of the change as data."""
    _force_voltage(frame, channel, code, volts, limit, polarity, limit_range)
    frame.send([frame.time_item(channel)])


def _force_current_timed(
    frame: Mainframe, channel: int, code: int, amperes: float, limit: float | None,
    polarity: int | None, limit_range: int | None,
) -> None:  # fmt: skip
    """TDI: as DI, and the time of the change as data."""
    _force_current(frame, channel, code, amperes, limit, polarity, limit_range)
    frame.send([frame.time_item(channel)])


def _spot(frame: Mainframe, channel: int, ranges: dict[str, int | None], timed: bool) -> None:
    """Measure each kind of `ranges` at one moment."""
    smu = frame.active_smu(channel)
    for kind, code in ranges.items():
        if code:
            smu.check_range(code, volts=kind == "V")
    items: list[Item] = [frame.time_item(channel)] if timed else []
    seconds = frame.integration_time(smu)
    frame.pass_time(seconds)
    for kind, code in ranges.items():
        items.append(frame.reading_item(smu, smu.measure(kind, code or 0, seconds, smu.adc)))
    frame.send(items)


def _spot_current(frame: Mainframe, channel: int, code: int | None) -> None:
    _spot(frame, channel, {"I": code}, timed=False)


def _spot_voltage(frame: Mainframe, channel: int, code: int | None) -> None:
    _spot(frame, channel, {"V": code}, timed=False)


def _spot_current_timed(frame: Mainframe, channel: int, code: int | None) -> None:
    _spot(frame, channel, {"I": code}, timed=True)


def _spot_voltage_timed(frame: Mainframe, channel: int, code: int | None) -> None:
    _spot(frame, channel, {"V": code}, timed=True)


def _spot_both(
    frame: Mainframe, channel: int, current_range: int | None, voltage_range: int | None
) -> None:
    _spot(frame, channel, {"I": current_range, "V": voltage_range}, timed=False)


def _spot_both_timed(
    frame: Mainframe, channel: int, current_range: int | None, voltage_range: int | None
) -> None:
    _spot(frame, channel, {"I": current_range, "V": voltage_range}, timed=True)


def _read_timer(frame: Mainframe) -> None:
    """TSQ: the time since TSR as data."""
    frame.send([frame.time_item(0)])


_FORCE = (
    CHANNEL,
    OUTPUT_RANGE,
    number(),
    number(optional=True),
    choice(0, 1, optional=True),
    integer(0, 2000, optional=True),
)

COMMANDS = {
    "CN": Command(_switch_on, (CHANNELS,)),
    "CNX": Command(_switch_on, (CHANNELS,)),  # another order of the switches
    "CL": Command(_switch_off, (CHANNELS,)),
    "DZ": Command(_zero, (CHANNELS,)),
    "RZ": Command(_restore, (CHANNELS,)),
    "IN": Command(_initialize, (CHANNELS,)),
    "DV": Command(_force_voltage, _FORCE),
    "DI": Command(_force_current, _FORCE),
    "TDV": Command(_force_voltage_timed, _FORCE),
    "TDI": Command(_force_current_timed, _FORCE),
    "TI": Command(_spot_current, (CHANNEL, OPTIONAL_RANGE)),
    "TV": Command(_spot_voltage, (CHANNEL, OPTIONAL_RANGE)),
    "TTI": Command(_spot_current_timed, (CHANNEL, OPTIONAL_RANGE)),
    "TTV": Command(_spot_voltage_timed, (CHANNEL, OPTIONAL_RANGE)),
    "TIV": Command(_spot_both, (CHANNEL, OPTIONAL_RANGE, OPTIONAL_RANGE)),
    "TTIV": Command(_spot_both_timed, (CHANNEL, OPTIONAL_RANGE, OPTIONAL_RANGE)),
    "TSQ": Command(_read_timer),
}
