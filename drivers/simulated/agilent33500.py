"""The simulated Agilent/Keysight 33500 family: two outputs, pulses from 16 ns.

Limits as PyMeasure's driver and the Operating and Service Guide give them.
"""

from typing import Any, ClassVar

from labsyn.drivers.simulated.agilent33250a import APPLY, BURST, OUTPUT, PANEL, WAVEFORM
from labsyn.drivers.simulated.generator_channel import GeneratorChannel
from labsyn.drivers.simulated.generator_commands import (
    DEGREES,
    EDGE,
    PERCENT,
    WIDTH,
    apply_commands,
    bounded,
    channel_setting,
    voltage_limits,
)
from labsyn.drivers.simulated.generator_model import Model
from labsyn.drivers.simulated.pulse_generator import SimulatedPulseGenerator
from labsyn.drivers.simulated.scpi import Command, CommandTree, setting
from labsyn.drivers.simulated.scpi_instrument import COMMON
from labsyn.drivers.simulated.scpi_text import Text
from labsyn.drivers.simulated.scpi_values import (
    Number,
    ScpiError,
    choice,
)

_SHAPES = (
    "SINusoid", "SQUare", "TRIangle", "RAMP", "PULSe", "PRBS", "NOISe", "ARB", "DC",
)  # fmt: skip
_DAC_FULL_SCALE = 32767
_NAME = Text(quoted=False)


def _of_channel(generator: Any, n: int) -> Any:
    return generator.channel(n)


def _store(full_scale: float) -> Any:
    """Return what ``DATA:ARB name,point,point,...`` does with points of that full scale."""

    def store(channel: GeneratorChannel, name: str, *points: float) -> None:
        if name in channel.waveforms:  # PyMeasure: loading a name twice is an error
            raise ScpiError(-224, "waveform name exists")
        if len(points) < 8:
            raise ScpiError(-224, "fewer than 8 points")
        channel.waveforms[name] = tuple(point / full_scale for point in points)

    return store


def _select(channel: GeneratorChannel, name: str) -> None:
    if name not in channel.waveforms:
        raise ScpiError(-224, "no such waveform")
    channel.waveform = name


def _clear(channel: GeneratorChannel) -> None:
    channel.waveforms = {}


def _catalogue(channel: GeneratorChannel) -> str:
    return ",".join(f'"{name}"' for name in channel.waveforms) or '""'


_DAC = Number(low=-_DAC_FULL_SCALE, high=_DAC_FULL_SCALE, integer=True)
_UNIT = Number(low=-1.0, high=1.0)

_PULSE = (
    *channel_setting("[SOURce<n>:]FUNCtion:PULSe:PERiod", "period", bounded("period", "S")),
    *channel_setting("[SOURce<n>:]FUNCtion:PULSe:WIDTh", "width", WIDTH),
    *channel_setting("[SOURce<n>:]FUNCtion:PULSe:DCYCle", "pulse_duty", PERCENT),
    *channel_setting(
        "[SOURce<n>:]FUNCtion:PULSe:HOLD", "pulse_hold", choice("WIDTh", "DCYCle")
    ),
    *channel_setting("[SOURce<n>:]FUNCtion:PULSe:TRANsition[:BOTH]", "edge", EDGE),
)

_ARBITRARY = (
    Command("[SOURce<n>:]FUNCtion:ARBitrary", _select, (_NAME,), _of_channel),
    Command(
        "[SOURce<n>:]FUNCtion:ARBitrary?", lambda c: f'"{c.waveform}"', (), _of_channel
    ),
    *channel_setting(
        "[SOURce<n>:]FUNCtion:ARBitrary:ADVance", "arb_advance", choice("TRIGger", "SRATe")
    ),
    *channel_setting(
        "[SOURce<n>:]FUNCtion:ARBitrary:FILTer", "arb_filter", choice("NORMal", "STEP", "OFF")
    ),
    *channel_setting(
        "[SOURce<n>:]FUNCtion:ARBitrary:SRATe", "sample_rate", Number(low=1e-6, high=250e6)
    ),
    Command(
        "[SOURce<n>:]DATA:ARBitrary", _store(1.0), (_NAME, _UNIT), _of_channel, repeated=True
    ),
    Command(
        "[SOURce<n>:]DATA:ARBitrary:DAC", _store(_DAC_FULL_SCALE), (_NAME, _DAC), _of_channel,
        repeated=True,
    ),
    Command("[SOURce<n>:]DATA:VOLatile:CLEar", _clear, (), _of_channel),
    Command("[SOURce<n>:]DATA:VOLatile:CATalog?", _catalogue, (), _of_channel),
)  # fmt: skip

_TRIGGER = (
    *channel_setting(
        "TRIGger<n>:SOURce",
        "trigger_source",
        choice("IMMediate", "EXTernal", "TIMer", "BUS"),
    ),
    *channel_setting("TRIGger<n>:DELay", "trigger_delay", Number(unit="S", low=0, high=1000)),
    *channel_setting("TRIGger<n>:SLOPe", "trigger_slope", choice("POSitive", "NEGative")),
    *channel_setting(
        "TRIGger<n>:COUNt", "trigger_number", Number(low=1, high=1e6, integer=True)
    ),
    *channel_setting(
        "TRIGger<n>:TIMer", "trigger_timer", Number(unit="S", low=1e-6, high=8000)
    ),
)


class SimulatedAgilent33500(SimulatedPulseGenerator):
    """A 33522B; give another `Model` for its relatives.

    Its ``TRIGger:COUNt`` and ``PHASe`` are kept and answered, without an effect: triggers
    are always awaited (``INITiate:CONTinuous``), and no phase is felt in a single output.
    """

    CLIPS = True
    MODEL = Model(
        identity="Agilent Technologies,33522B,MY00000000,5.00-1.19-2.00-58-00",
        n_channels=2,
        frequency=(1e-6, 30e6),
        period=(33e-9, 1e6),
        width=(16e-9, 1e6),
        edge=(8.4e-9, 1e-6),
        burst_period=(1e-6, 8000.0),
        cycles=(1, 1e8),
        amplitude=(1e-3, 10.0),
    )
    TREE: ClassVar = CommandTree(
        [
            *COMMON,
            *PANEL,
            *BURST,
            *OUTPUT,
            *WAVEFORM,
            *_PULSE,
            *_ARBITRARY,
            *_TRIGGER,
            *voltage_limits("[SOURce<n>:]VOLTage"),
            *channel_setting("[SOURce<n>:]FUNCtion[:SHAPe]", "shape", choice(*_SHAPES)),
            *channel_setting(
                "[SOURce<n>:]FREQuency:MODE",
                "frequency_mode",
                choice("CW", "LIST", "SWEep", "FIXed"),
            ),
            *channel_setting("[SOURce<n>:]PHASe", "phase", DEGREES),
            Command("[SOURce<n>:]PHASe:SYNChronize", lambda generator: generator.synchronise()),
            *setting("OUTPut:SYNC:SOURce", "sync_source", choice("CH1", "CH2")),
            *apply_commands(
                "[SOURce<n>:]APPLy", APPLY | {"TRIangle": "TRI", "PRBS": "PRBS", "ARB": "ARB"}
            ),
        ]
    )

    def burst_interval(self, channel: GeneratorChannel) -> float | None:
        if channel.trigger_source == "TIM":
            return channel.trigger_timer
        return super().burst_interval(channel)
