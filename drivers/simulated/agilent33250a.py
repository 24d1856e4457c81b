"""The simulated Agilent 33250A and 33220A function generators.

Limits are those of their User's Guides as PyMeasure's drivers give them; a value out of
range is replaced by the limit and reported (error -222).
"""

from typing import ClassVar

from labsyn.drivers.simulated.generator_commands import (
    CYCLES,
    DEGREES,
    EDGE,
    LOAD,
    PERCENT,
    WIDTH,
    apply_commands,
    bounded,
    channel_setting,
    levels,
)
from labsyn.drivers.simulated.generator_model import Model
from labsyn.drivers.simulated.pulse_generator import SimulatedPulseGenerator
from labsyn.drivers.simulated.scpi import Command, CommandTree, setting
from labsyn.drivers.simulated.scpi_instrument import COMMON
from labsyn.drivers.simulated.scpi_text import Text
from labsyn.drivers.simulated.scpi_values import Boolean, Number, choice

_SHAPES = ("SINusoid", "SQUare", "RAMP", "PULSe", "NOISe", "DC", "USER")
APPLY = {
    "SINusoid": "SIN", "SQUare": "SQU", "RAMP": "RAMP", "PULSe": "PULS", "NOISe": "NOIS",
    "DC": "DC",
}  # fmt: skip

PANEL = (
    Command("SYSTem:BEEPer[:IMMediate]", lambda generator: None),
    *setting("SYSTem:BEEPer:STATe", "beeper_on", Boolean()),
    Command("DISPlay:TEXT:CLEar", lambda generator: setattr(generator, "display", "")),
    *setting("DISPlay:TEXT", "display", Text()),
)
"""Bleeper and display: nothing that a device feels."""

BURST = (
    *channel_setting("[SOURce<n>:]BURSt:STATe", "burst", Boolean()),
    *channel_setting("[SOURce<n>:]BURSt:MODE", "burst_mode", choice("TRIGgered", "GATed")),
    *channel_setting("[SOURce<n>:]BURSt:NCYCles", "cycles", CYCLES),
    *channel_setting(
        "[SOURce<n>:]BURSt:INTernal:PERiod", "burst_period", bounded("burst_period", "S")
    ),
    *channel_setting("[SOURce<n>:]BURSt:PHASe", "burst_phase", DEGREES),
    *channel_setting(
        "[SOURce<n>:]BURSt:GATE:POLarity", "gate_polarity", choice("NORMal", "INVerted")
    ),
)

OUTPUT = (
    *channel_setting("OUTPut<n>[:STATe]", "output", Boolean()),
    *channel_setting("OUTPut<n>:LOAD", "load", LOAD),
    *channel_setting("OUTPut<n>:POLarity", "polarity", choice("NORMal", "INVerted")),
    *setting("OUTPut:SYNC[:STATe]", "sync_on", Boolean()),
    *setting("OUTPut:TRIGger[:STATe]", "trigger_out", Boolean()),
    *setting("OUTPut:TRIGger:SLOPe", "trigger_out_slope", choice("POSitive", "NEGative")),
)

WAVEFORM = (
    *channel_setting("[SOURce<n>:]FUNCtion:SQUare:DCYCle", "square_duty", PERCENT),
    *channel_setting("[SOURce<n>:]FUNCtion:RAMP:SYMMetry", "symmetry", PERCENT),
    *channel_setting("[SOURce<n>:]FREQuency", "frequency", bounded("frequency", "HZ")),
    *levels("[SOURce<n>:]VOLTage"),
)

_TRIGGER = (
    *channel_setting(
        "TRIGger<n>:SOURce", "trigger_source", choice("IMMediate", "EXTernal", "BUS")
    ),
    *channel_setting("TRIGger<n>:DELay", "trigger_delay", Number(unit="S", low=0, high=85)),
    *channel_setting("TRIGger<n>:SLOPe", "trigger_slope", choice("POSitive", "NEGative")),
)

_SHARED = (
    *COMMON,
    *PANEL,
    *BURST,
    *OUTPUT,
    *WAVEFORM,
    *_TRIGGER,
    *channel_setting("[SOURce<n>:]FUNCtion[:SHAPe]", "shape", choice(*_SHAPES)),
    *channel_setting("[SOURce<n>:]PULSe:PERiod", "period", bounded("period", "S")),
    *apply_commands("APPLy", APPLY),
)


class SimulatedAgilent33250A(SimulatedPulseGenerator):
    """One output, pulses from 8 ns."""

    CLIPS = True
    MODEL = Model(
        identity="Agilent Technologies,33250A,0,1.05-1.01-1.00-03-1",
        frequency=(1e-6, 80e6),
        period=(20e-9, 2000.0),
        width=(8e-9, 2000.0),
        edge=(5e-9, 1e-3),
        burst_period=(1e-6, 500.0),
        cycles=(1, 1e6),
    )
    TREE: ClassVar = CommandTree(
        [
            *_SHARED,
            *channel_setting("[SOURce<n>:]PULSe:WIDTh", "width", WIDTH),
            *channel_setting("[SOURce<n>:]PULSe:TRANsition", "edge", EDGE),
        ]
    )


class SimulatedAgilent33220A(SimulatedPulseGenerator):
    """One output, pulses from 20 ns."""

    CLIPS = True
    MODEL = Model(
        identity="Agilent Technologies,33220A,MY00000000,2.00-2.00-22-2",
        frequency=(1e-6, 20e6),
        period=(200e-9, 2000.0),
        width=(20e-9, 2000.0),
        edge=(5e-9, 100e-9),
        burst_period=(1e-6, 500.0),
        cycles=(1, 50_000),
        reset_edge=5e-9,
    )
    TREE: ClassVar = CommandTree(
        [
            *_SHARED,
            *channel_setting("[SOURce<n>:]FUNCtion:PULSe:WIDTh", "width", WIDTH),
            *channel_setting("[SOURce<n>:]FUNCtion:PULSe:TRANsition", "edge", EDGE),
            *channel_setting("[SOURce<n>:]FUNCtion:PULSe:DCYCle", "pulse_duty", PERCENT),
            *channel_setting(
                "[SOURce<n>:]FUNCtion:PULSe:HOLD", "pulse_hold", choice("WIDTh", "DCYCle")
            ),
            Command(
                "SYSTem:COMMunicate:RLSTate",
                lambda generator, state: None,  # who may press its keys
                (choice("LOCal", "REMote", "RWLock"),),
            ),
        ]
    )
