"""The simulated Keysight 81160A pulse function arbitrary generator: pulses from 1.5 ns.

Limits as PyMeasure's driver gives them, trigger modes as the User's Guide (81150A/81160A,
appendix 3.1): continuous, or one cycle or burst a trigger. A value out of range is refused.
Which states follow ``*RST`` is a choice but for the period of 1 µs.
"""

import struct
from typing import Any, ClassVar

from labsyn.drivers.simulated.generator_channel import GeneratorChannel
from labsyn.drivers.simulated.generator_commands import (
    CYCLES,
    EDGE,
    LOAD,
    PERCENT,
    WIDTH,
    apply_commands,
    bounded,
    channel_setting,
    levels,
    voltage_limits,
)
from labsyn.drivers.simulated.generator_model import Model
from labsyn.drivers.simulated.pulse_generator import SimulatedPulseGenerator
from labsyn.drivers.simulated.scpi import Command, CommandTree
from labsyn.drivers.simulated.scpi_instrument import COMMON
from labsyn.drivers.simulated.scpi_text import Block, Text
from labsyn.drivers.simulated.scpi_values import (
    Boolean,
    Number,
    ScpiError,
    choice,
)

_SHAPES = ("SINusoid", "SQUare", "RAMP", "PULSe", "NOISe", "DC", "USER")
_FULL_SCALE = 8191
_MEMORY = 32  # non-volatile waveforms: a choice
_NAME = Text(quoted=False)


def _of_channel(generator: Any, n: int) -> Any:
    return generator.channel(n)


def _download(channel: GeneratorChannel, name: str, block: bytes) -> None:
    """Take points as big-endian 16-bit numbers of ±8191 full scale."""
    if name.upper() != "VOLATILE" or len(block) < 4 or len(block) % 2:
        raise ScpiError(-224)
    points = struct.unpack(f">{len(block) // 2}h", block)
    if max(map(abs, points)) > _FULL_SCALE:
        raise ScpiError(-222)
    channel.waveforms["VOLATILE"] = tuple(point / _FULL_SCALE for point in points)


def _copy(channel: GeneratorChannel, name: str, source: str | None) -> None:
    if (source or "VOLATILE").upper() not in channel.waveforms:
        raise ScpiError(-221, "no volatile waveform")
    channel.waveforms[name.upper()] = channel.waveforms["VOLATILE"]


def _delete(channel: GeneratorChannel, name: str) -> None:
    if name.upper() not in channel.waveforms or channel.waveform == name.upper():
        raise ScpiError(-224, "no such waveform, or in use")
    del channel.waveforms[name.upper()]


def _select(channel: GeneratorChannel, name: str) -> None:
    if name.upper() not in channel.waveforms:
        raise ScpiError(-224, "no such waveform")
    channel.waveform = name.upper()


def _stored(channel: GeneratorChannel) -> list[str]:
    return [name for name in channel.waveforms if name != "VOLATILE"]


def _catalogue(channel: GeneratorChannel) -> str:
    return ",".join(f'"{name}"' for name in _stored(channel)) or '""'


def _free(channel: GeneratorChannel) -> str:
    return str(_MEMORY - len(_stored(channel)))


_ARBITRARY = (
    Command("[SOURce:]DATA<n>:DAC", _download, (_NAME, Block()), _of_channel),
    Command(
        "[SOURce:]DATA<n>:COPY", _copy, (_NAME, Text(quoted=False, optional=True)), _of_channel
    ),
    Command("[SOURce:]DATA<n>:DELete[:NAME]", _delete, (_NAME,), _of_channel),
    Command("[SOURce:]DATA<n>:NVOLatile:CATalog?", _catalogue, (), _of_channel),
    Command("[SOURce:]DATA<n>:NVOLatile:FREE?", _free, (), _of_channel),
    Command("[SOURce:]FUNCtion<n>:USER", _select, (_NAME,), _of_channel),
    Command("[SOURce:]FUNCtion<n>:USER?", lambda c: c.waveform, (), _of_channel),
)


def _pulse(node: str, place: str) -> tuple[Command, ...]:
    """Return the pulse settings below `node`, with `place` behind the last word."""
    return (
        *channel_setting(f"{node}PERiod{place}", "period", bounded("period", "S")),
        *channel_setting(f"{node}WIDTh{place}", "width", WIDTH),
        *channel_setting(f"{node}DCYCle{place}", "pulse_duty", PERCENT),
        *channel_setting(f"{node}HOLD{place}", "pulse_hold", choice("WIDTh", "DCYCle")),
        *channel_setting(f"{node}TRANsition{place}[:LEADing]", "edge", EDGE),
    )


_TRIGGER = (
    *channel_setting(
        "ARM:SOURce<n>",
        "trigger_source",
        choice("IMMediate", "INT2", "EXTernal", "MANual"),
    ),
    *channel_setting(
        "TRIGger<n>:COUNt",
        "trigger_count",
        Number(low=1, high=lambda c: c.model.cycles[1], integer=True),
    ),
    *channel_setting("[SOURce:]BURSt<n>:STATe", "burst", Boolean()),
    *channel_setting("[SOURce:]BURSt<n>:MODE", "burst_mode", choice("TRIGgered", "GATed")),
    *channel_setting("[SOURce:]BURSt<n>:NCYCles", "cycles", CYCLES),
    *channel_setting(
        "[SOURce:]BURSt<n>:INTernal:PERiod", "burst_period", bounded("burst_period", "S")
    ),
)


class SimulatedKeysight81160A(SimulatedPulseGenerator):
    """Two outputs, ±5 V into 50 Ω."""

    BUS_TRIGGER = "MAN"
    MODEL = Model(
        identity="Agilent Technologies,81160A,DE00000000,1.0.3.0-2.6",
        n_channels=2,
        frequency=(1e-6, 500e6),
        period=(3.03e-9, 1e6),
        width=(1.5e-9, 1e6),
        edge=(1e-9, 1e3),
        burst_period=(3.03e-9, 1e6),
        cycles=(2, 2147483647),
        load=(0.3, 1e6),
        amplitude=(0.05, 5.0),
        reset_period=1e-6,
        reset_amplitude=1.0,
        reset_width=100e-9,
        reset_edge=2.5e-9,
        adjusts=False,
    )
    TREE: ClassVar = CommandTree(
        [
            *COMMON,
            *_ARBITRARY,
            *_pulse("[SOURce:]FUNCtion<n>:PULSe:", ""),
            *_pulse("[SOURce:]PULSe:", "<n>"),
            *_TRIGGER,
            *channel_setting("[SOURce:]FUNCtion<n>[:SHAPe]", "shape", choice(*_SHAPES)),
            *channel_setting("[SOURce:]FUNCtion<n>:SQUare:DCYCle", "square_duty", PERCENT),
            *channel_setting("[SOURce:]FUNCtion<n>:RAMP:SYMMetry", "symmetry", PERCENT),
            *channel_setting("[SOURce:]FREQuency<n>", "frequency", bounded("frequency", "HZ")),
            *levels("[SOURce:]VOLTage<n>"),
            *voltage_limits("[SOURce:]VOLTage<n>"),
            *channel_setting("OUTPut<n>[:STATe]", "output", Boolean()),
            *channel_setting("OUTPut<n>:LOAD", "load", LOAD),
            *channel_setting("OUTPut<n>:POLarity", "polarity", choice("NORMal", "INVerted")),
            *channel_setting("TRACk:CHANnel<n>", "coupled", Boolean()),
            *apply_commands(
                "APPLy<n>",
                {
                    "SINusoid": "SIN", "SQUare": "SQU", "RAMP": "RAMP", "PULSe": "PULS",
                    "NOISe": "NOIS", "DC": "DC", "USER": "USER",
                },
            ),
        ]
    )  # fmt: skip

    def follow(self) -> None:
        """Copy the settings of a coupled channel to the other, then see what changed."""
        for n, channel in self.channels.items():
            if channel.coupled:
                settings = {k: v for k, v in vars(channel).items() if k != "coupled"}
                vars(self.channels[3 - n]).update(settings)
        super().follow()

    def is_running_free(self, channel: GeneratorChannel) -> bool:
        return not channel.burst and channel.trigger_source == "IMM"

    def cycles_per_trigger(self, channel: GeneratorChannel) -> float:
        return super().cycles_per_trigger(channel) if channel.burst else 1

    def burst_interval(self, channel: GeneratorChannel) -> float | None:
        """Return the burst period under the internal trigger, the first or the second."""
        if channel.trigger_source in ("IMM", "INT2"):
            return channel.burst_period
        return None
