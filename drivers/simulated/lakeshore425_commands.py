"""Commands of a simulated LakeShore 425 (manual, chapter 6)."""

import math
from typing import TYPE_CHECKING, Any

from labsyn.drivers.simulated.srs import (
    EXECUTION_ERROR,
    Command,
    SRSError,
    integer,
    number,
    setting,
)

if TYPE_CHECKING:
    from labsyn.drivers.simulated.lakeshore425 import SimulatedLakeShore425

IDENTITY = "LSCI,MODEL425,4250022,1.0"
_LARGEST_SETPOINT = 350e3  # gauss
_OPERATION_COMPLETE = 1


def _identify(meter: "SimulatedLakeShore425") -> str:
    return IDENTITY


def _reset(meter: "SimulatedLakeShore425") -> None:
    meter.reset()


def _query_field(meter: "SimulatedLakeShore425") -> str:
    return meter.show(meter.measure())


def _query_relative(meter: "SimulatedLakeShore425") -> str:
    return meter.show(meter.measure() - meter.setpoint)


def _query_maximum(meter: "SimulatedLakeShore425") -> str:
    meter.measure()
    return meter.show(meter.maximum)


def _query_extremes(meter: "SimulatedLakeShore425") -> str:
    """RDGMNMX: for programs of larger models; the minimum is always zero here."""
    return f"{meter.show(0.0)},{_query_maximum(meter)}"


def _reset_maximum(meter: "SimulatedLakeShore425") -> None:
    meter.maximum = 0.0


def _set_range(meter: "SimulatedLakeShore425", index: int) -> None:
    meter.settings["RANGE",], meter.settings["AUTO",] = index, 0


def _query_range(meter: "SimulatedLakeShore425") -> str:
    meter.measure()  # which chooses it
    return str(meter.settings["RANGE",])


def _set_automatic(meter: "SimulatedLakeShore425", on: int = 1) -> None:
    """AUTO alone switches it on; that it takes a number is a choice after the 475."""
    meter.settings["AUTO",] = on


def _set_mode(meter: "SimulatedLakeShore425", mode: int, filtered: int, band: int) -> None:
    meter.settings["RDGMODE",] = (mode, filtered, band)


def _query_mode(meter: "SimulatedLakeShore425") -> str:
    return ",".join(str(value) for value in meter.settings["RDGMODE",])


def _zero_probe(meter: "SimulatedLakeShore425") -> None:
    meter.zero_probe()


def _set_setpoint(meter: "SimulatedLakeShore425", value: float) -> None:
    gauss = meter.to_gauss(value)
    if abs(gauss) > _LARGEST_SETPOINT:
        raise SRSError(EXECUTION_ERROR)
    meter.setpoint = gauss


def _query_setpoint(meter: "SimulatedLakeShore425") -> str:
    return meter.show(meter.setpoint)


def _set_alarm(meter: "SimulatedLakeShore425", *values: Any) -> None:
    on, compares, low, high, *others = values
    setpoints = meter.to_gauss(low), meter.to_gauss(high)
    if any(abs(gauss) > _LARGEST_SETPOINT for gauss in setpoints):
        raise SRSError(EXECUTION_ERROR)
    meter.settings["ALARM",] = (on, compares, *setpoints, *others)


def _query_alarm(meter: "SimulatedLakeShore425") -> str:
    on, compares, low, high, *others = meter.settings["ALARM",]
    shown = (on, compares, meter.show(low), meter.show(high), *others)
    return ",".join(str(value) for value in shown)


def _set_relay(meter: "SimulatedLakeShore425", mode: int, alarm: int) -> None:
    meter.settings["RELAY",] = (mode, alarm)


def _query_relay(meter: "SimulatedLakeShore425") -> str:
    return ",".join(str(value) for value in meter.settings["RELAY",])


def _query_relay_status(meter: "SimulatedLakeShore425") -> str:
    return str(int(meter.relay_on))


def _restore_defaults(meter: "SimulatedLakeShore425", key: int) -> None:
    meter.reset()


def _complete(meter: "SimulatedLakeShore425") -> None:
    meter.standard_event |= _OPERATION_COMPLETE


def _query_probe(meter: "SimulatedLakeShore425") -> str:
    return "40"  # high sensitivity


def _query_event(meter: "SimulatedLakeShore425") -> str:
    event, meter.standard_event = meter.standard_event, 0
    return str(event)


def _clear_status(meter: "SimulatedLakeShore425") -> None:
    meter.standard_event = 0


def _query_status_byte(meter: "SimulatedLakeShore425") -> str:
    return str(meter.status_byte())


def _query_complete(meter: "SimulatedLakeShore425") -> str:
    return "1"


def _query_test(meter: "SimulatedLakeShore425") -> str:
    return "0"


_ON_OFF = integer(0, 1)
_ONE_OR_TWO = integer(1, 2)
_FIELD = number(-math.inf, math.inf)
LAKESHORE425_COMMANDS: dict[str, Command] = {
    "*IDN?": Command(_identify),
    "*RST": Command(_reset),
    "*CLS": Command(_clear_status),
    "*ESR?": Command(_query_event),
    "*STB?": Command(_query_status_byte),
    "DFLT": Command(_restore_defaults, (integer(99, 99),)),
    "*OPC": Command(_complete),
    "*OPC?": Command(_query_complete),
    "*TST?": Command(_query_test),
    **setting("*ESE", integer(0, 255)),
    **setting("*SRE", integer(0, 255)),
    "RDGFIELD?": Command(_query_field),
    "RDGREL?": Command(_query_relative),
    "RDGMX?": Command(_query_maximum),
    "RDGMNMX?": Command(_query_extremes),
    "MXRST": Command(_reset_maximum),
    **setting("UNIT", integer(1, 4)),
    "RANGE": Command(_set_range, (integer(1, 4),)),
    "RANGE?": Command(_query_range),
    **setting("AUTO", _ON_OFF),
    "AUTO": Command(_set_automatic, (_ON_OFF,), optional=1),
    "RDGMODE": Command(_set_mode, (_ONE_OR_TWO, _ON_OFF, _ONE_OR_TWO)),
    "RDGMODE?": Command(_query_mode),
    "ZPROBE": Command(_zero_probe),
    **setting("REL", _ON_OFF),
    "RELSP": Command(_set_setpoint, (_FIELD,)),
    "RELSP?": Command(_query_setpoint),
    "ALARM": Command(
        _set_alarm, (_ON_OFF, _ONE_OR_TWO, _FIELD, _FIELD, _ONE_OR_TWO, _ON_OFF, _ON_OFF)
    ),
    "ALARM?": Command(_query_alarm),
    "RELAY": Command(_set_relay, (integer(0, 2), integer(1, 3))),
    "RELAY?": Command(_query_relay),
    "RELAYST?": Command(_query_relay_status),
    "TYPE?": Command(_query_probe),
}
"""Every command of this instrument by mnemonic; ``?`` makes a query."""
