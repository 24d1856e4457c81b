"""Declarations that the pulse generators share: settings of a channel, levels, ``APPLy``."""

from typing import Any

from labsyn.drivers.simulated.generator_channel import GeneratorChannel
from labsyn.drivers.simulated.scpi import Command, setting
from labsyn.drivers.simulated.scpi_values import Boolean, Number, Parameter, choice


def channel_setting(pattern: str, name: str, kind: Parameter) -> list[Command]:
    """Return command and query of the attribute `name` of a `GeneratorChannel`."""
    return setting(pattern, name, kind, lambda instrument, n: instrument.channel(n))


def levels(node: str) -> list[Command]:
    """Return the commands for amplitude and levels below `node`, such as ``VOLTage``."""
    volt = Number(unit="V", low=lambda c: -c.highest, high=lambda c: c.highest)
    amplitude = Number(unit="V", units=("VPP", "VRMS", "DBM"))
    middle = "[:LEVel][:IMMediate]"
    return [
        *channel_setting(f"{node}{middle}[:AMPLitude]", "amplitude", amplitude),
        *channel_setting(f"{node}{middle}:OFFSet", "offset", volt),
        *channel_setting(f"{node}{middle}:HIGH", "high", volt),
        *channel_setting(f"{node}{middle}:LOW", "low", volt),
        *channel_setting(f"{node}:UNIT", "unit", choice("VPP", "VRMS", "DBM")),
        *channel_setting(f"{node}:LIMit:STATe", "limits_on", Boolean()),
        *channel_setting(f"{node}:LIMit:HIGH", "limit_high", volt),
        *channel_setting(f"{node}:LIMit:LOW", "limit_low", volt),
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


def apply_shape(shape: str) -> Any:
    """Return what ``APPLy:<shape> frequency,amplitude,offset`` does: set, and switch on."""

    def apply(
        channel: GeneratorChannel,
        frequency: float | None,
        amplitude: float | None,
        offset: float | None,
    ) -> None:
        channel.shape, channel.burst = shape, False
        if frequency is not None:
            channel.frequency = frequency
        if amplitude is not None:
            channel.amplitude = amplitude
        if offset is not None:
            channel.offset = offset
        channel.output = True

    return apply


def apply_commands(node: str, shapes: dict[str, str]) -> list[Command]:
    """Return the ``APPLy`` commands below `node`, for words such as ``{"PULSe": "PULS"}``."""
    places = (
        bounded("frequency", "HZ", optional=True, default=lambda c: 1 / c.model.reset_period),
        Number(
            unit="V", units=("VPP",), optional=True, default=lambda c: c.model.reset_amplitude
        ),
        Number(unit="V", optional=True, default=0.0),
    )
    return [
        Command(f"{node}:{word}", apply_shape(shape), places, lambda i, n: i.channel(n))
        for word, shape in shapes.items()
    ]
