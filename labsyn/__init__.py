"""labsyn: from pulses on an artificial synapse to the accuracy of a network made of it.

The public names load when they are first used, so that ``import labsyn`` costs nothing::

    from labsyn import Bench, PulseTrain, characterise, measure

    with Bench.simulated("lixcoo2", seed=1) as bench:
        run = measure(PulseTrain(n_cycles=5), bench, "runs")
    print(characterise(run).potentiation.exponential.beta)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from labsyn.analysis.characterise import Characterisation, characterise
    from labsyn.analysis.devices.synapse import Synapse
    from labsyn.data.run import Column, Run
    from labsyn.drivers.bench import Bench
    from labsyn.procedures.array import measure_over, measure_sequence
    from labsyn.procedures.base import BenchProcedure
    from labsyn.procedures.breakdown import Breakdown
    from labsyn.procedures.closed_loop_tuning import ClosedLoopTuning
    from labsyn.procedures.endurance import Endurance
    from labsyn.procedures.feedforward_tuning import FeedforwardTuning
    from labsyn.procedures.field_loop import FieldLoop, MajorFieldLoop
    from labsyn.procedures.iv_sweep import IVSweep
    from labsyn.procedures.level_verification import LevelVerification
    from labsyn.procedures.memory_loop import MemoryLoop
    from labsyn.procedures.paired_pulse import PairedPulse
    from labsyn.procedures.pulse_map import PulseMap
    from labsyn.procedures.pulse_train import PulseTrain
    from labsyn.procedures.retention import Retention
    from labsyn.procedures.runner import measure
    from labsyn.procedures.sequence import Sequence
    from labsyn.procedures.spike_plasticity import SNDP, SVDP, SVWDP, SWDP
    from labsyn.procedures.stdp import STDP
    from labsyn.procedures.steps import Die, Step
    from labsyn.procedures.switching_loop import SwitchingLoop
    from labsyn.procedures.switching_probability import SwitchingProbability

_HOMES = {
    "Bench": "labsyn.drivers.bench",
    "BenchProcedure": "labsyn.procedures.base",
    "Breakdown": "labsyn.procedures.breakdown",
    "Characterisation": "labsyn.analysis.characterise",
    "ClosedLoopTuning": "labsyn.procedures.closed_loop_tuning",
    "Column": "labsyn.data.run",
    "Die": "labsyn.procedures.steps",
    "Endurance": "labsyn.procedures.endurance",
    "FeedforwardTuning": "labsyn.procedures.feedforward_tuning",
    "FieldLoop": "labsyn.procedures.field_loop",
    "IVSweep": "labsyn.procedures.iv_sweep",
    "LevelVerification": "labsyn.procedures.level_verification",
    "MajorFieldLoop": "labsyn.procedures.field_loop",
    "MemoryLoop": "labsyn.procedures.memory_loop",
    "PairedPulse": "labsyn.procedures.paired_pulse",
    "PulseMap": "labsyn.procedures.pulse_map",
    "PulseTrain": "labsyn.procedures.pulse_train",
    "Retention": "labsyn.procedures.retention",
    "Run": "labsyn.data.run",
    "SNDP": "labsyn.procedures.spike_plasticity",
    "STDP": "labsyn.procedures.stdp",
    "SVDP": "labsyn.procedures.spike_plasticity",
    "SVWDP": "labsyn.procedures.spike_plasticity",
    "SWDP": "labsyn.procedures.spike_plasticity",
    "Sequence": "labsyn.procedures.sequence",
    "Step": "labsyn.procedures.steps",
    "SwitchingLoop": "labsyn.procedures.switching_loop",
    "SwitchingProbability": "labsyn.procedures.switching_probability",
    "Synapse": "labsyn.analysis.devices.synapse",
    "characterise": "labsyn.analysis.characterise",
    "measure": "labsyn.procedures.runner",
    "measure_over": "labsyn.procedures.array",
    "measure_sequence": "labsyn.procedures.array",
}

__all__ = [
    "SNDP",
    "STDP",
    "SVDP",
    "SVWDP",
    "SWDP",
    "Bench",
    "BenchProcedure",
    "Breakdown",
    "Characterisation",
    "ClosedLoopTuning",
    "Column",
    "Die",
    "Endurance",
    "FeedforwardTuning",
    "FieldLoop",
    "IVSweep",
    "LevelVerification",
    "MajorFieldLoop",
    "MemoryLoop",
    "PairedPulse",
    "PulseMap",
    "PulseTrain",
    "Retention",
    "Run",
    "Sequence",
    "Step",
    "SwitchingLoop",
    "SwitchingProbability",
    "Synapse",
    "__version__",
    "characterise",
    "measure",
    "measure_over",
    "measure_sequence",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'labsyn' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return __all__
