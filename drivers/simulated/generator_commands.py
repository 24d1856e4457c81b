"""Declarations that the pulse generators share: settings of a channel, levels, ``APPLy``."""

from dataclasses import dataclass, replace
from typing import Any

from labsyn.drivers.simulated.generator_channel import GeneratorChannel
from labsyn.drivers.simulated.scpi import Command, setting
from labsyn.drivers.simulated.scpi_values import INFINITY, Boolean, Number, Parameter, choice


def channel_setting(pattern: str, name: str, kind: Parameter) -> list[Command]:
    """Return command and query of the attribute `name` of a `GeneratorChannel`."""
    return setting(pattern, name, kind, lambda instrument, n: instrument.channel(n))


@dataclass(frozen=True, kw_only=True)
class Amplitude(Number):
    """An amplitude in the unit of the channel, or in the one that is written behind it.

    Effective values are those of `shape`, by default the one that is set.
    """

    unit: str = "V"
    units: tuple[str, ...] = ("VPP", "VRMS", "DBM")
    shape: str = ""

    def read(self, text: str, owner: GeneratorChannel) -> float:
        written = next((u for u in self.units if text.upper().endswith(u)), "")
        if not written:
            return super().read(text, owner)
        value = replace(self, low=-INFINITY, high=INFINITY).number(text)
        vpp = owner.peak_to_peak(value, written, self.shape)
        return self.inside(owner.in_unit(vpp, self.shape), owner)


def levels(node: str) -> list[Command]:
    """Return the commands for amplitude and levels below `node`, such as ``VOLTage``."""
    level = Number(unit="V", low=lambda c: -c.highest, high=lambda c: c.highest)
    offset = Number(
        unit="V", low=lambda c: -c.greatest_offset, high=lambda c: c.greatest_offset
    )
    amplitude = Amplitude(low=lambda c: c.least_amplitude, high=lambda c: c.greatest_amplitude)
    middle = "[:LEVel][:IMMediate]"
    return [
        *channel_setting(f"{node}{middle}[:AMPLitude]", "amplitude", amplitude),
        *channel_setting(f"{node}{middle}:OFFSet", "offset", offset),
        *channel_setting(f"{node}{middle}:HIGH", "high", level),
        *channel_setting(f"{node}{middle}:LOW", "low", level),
        *channel_setting(f"{node}:UNIT", "unit", choice("VPP", "VRMS", "DBM")),
    ]


def voltage_limits(node: str) -> list[Command]:
    """Return the commands for the limits of the levels; the 33250A and 33220A have none.

    While they are on, a limit goes no further than the level it guards.
    """
    high = Number(
        unit="V",
        low=lambda c: c.high if c.limits_on else c.limit_low,
        high=lambda c: 2 * c.model.level,
    )
    low = Number(
        unit="V",
        low=lambda c: -2 * c.model.level,
        high=lambda c: c.low if c.limits_on else c.limit_high,
    )
    return [
        *channel_setting(f"{node}:LIMit:STATe", "limits_on", Boolean()),
        *channel_setting(f"{node}:LIMit:HIGH", "limit_high", high),
        *channel_setting(f"{node}:LIMit:LOW", "limit_low", low),
    ]


def bounded(name: str, unit: str = "", **options: Any) -> Number:
    """Return the number whose bounds are the field `name` of the channel's `Model`."""
    return Number(
        unit=unit,
        low=lambda channel: getattr(channel.model, name)[0],
        high=lambda channel: getattr(channel.model, name)[1],
        **options,
    )


WIDTH = Number(unit="S", low=lambda c: c.model.width[0], high=lambda c: c.widest)
EDGE = Number(unit="S", low=lambda c: c.model.edge[0], high=lambda c: c.slowest_edge)
PERCENT = Number(unit="PCT", low=0.0, high=100.0)
DEGREES = Number(unit="DEG", low=-360.0, high=360.0)
CYCLES = bounded("cycles", integer=True, infinite=True)
LOAD = bounded("load", "OHM", infinite=True)


def apply_commands(node: str, shapes: dict[str, str]) -> list[Command]:
    """Return the ``APPLy`` commands below `node`, for words such as ``{"PULSe": "PULS"}``."""
    frequency = bounded(
        "frequency", "HZ", optional=True, default=lambda c: 1 / c.model.reset_period
    )
    offset = Number(
        unit="V",
        low=lambda c: -c.highest,
        high=lambda c: c.highest,
        default=0.0,
        optional=True,
    )

    def command(word: str, shape: str) -> Command:
        amplitude = Amplitude(
            low=lambda c: c.least_amplitude,
            high=lambda c: c.greatest_centred_amplitude,
            default=lambda c: c.in_unit(c.model.reset_amplitude, shape),
            optional=True,
            shape=shape,
        )

        def run(channel: GeneratorChannel, *values: float | None) -> None:
            channel.apply(shape, *values)

        places = (frequency, amplitude, offset)
        return Command(f"{node}:{word}", run, places, lambda i, n: i.channel(n))

    return [command(word, shape) for word, shape in shapes.items()]
