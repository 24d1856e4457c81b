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
    from labsyn.data.run import Run
    from labsyn.drivers.bench import Bench
    from labsyn.procedures.endurance import Endurance
    from labsyn.procedures.field_loop import FieldLoop
    from labsyn.procedures.iv_sweep import IVSweep
    from labsyn.procedures.memory_loop import MemoryLoop
    from labsyn.procedures.paired_pulse import PairedPulse
    from labsyn.procedures.pulse_train import PulseTrain
    from labsyn.procedures.retention import Retention
    from labsyn.procedures.runner import measure
    from labsyn.procedures.spike_plasticity import SNDP, SVDP, SVWDP, SWDP
    from labsyn.procedures.stdp import STDP

_HOMES = {
    "Bench": "labsyn.drivers.bench",
    "Characterisation": "labsyn.analysis.characterise",
    "Endurance": "labsyn.procedures.endurance",
    "FieldLoop": "labsyn.procedures.field_loop",
    "IVSweep": "labsyn.procedures.iv_sweep",
    "MemoryLoop": "labsyn.procedures.memory_loop",
    "PairedPulse": "labsyn.procedures.paired_pulse",
    "PulseTrain": "labsyn.procedures.pulse_train",
    "Retention": "labsyn.procedures.retention",
    "Run": "labsyn.data.run",
    "SNDP": "labsyn.procedures.spike_plasticity",
    "STDP": "labsyn.procedures.stdp",
    "SVDP": "labsyn.procedures.spike_plasticity",
    "SVWDP": "labsyn.procedures.spike_plasticity",
    "SWDP": "labsyn.procedures.spike_plasticity",
    "Synapse": "labsyn.analysis.devices.synapse",
    "characterise": "labsyn.analysis.characterise",
    "measure": "labsyn.procedures.runner",
}

__all__ = [
    "SNDP",
    "STDP",
    "SVDP",
    "SVWDP",
    "SWDP",
    "Bench",
    "Characterisation",
    "Endurance",
    "FieldLoop",
    "IVSweep",
    "MemoryLoop",
    "PairedPulse",
    "PulseTrain",
    "Retention",
    "Run",
    "Synapse",
    "__version__",
    "characterise",
    "measure",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'labsyn' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return __all__
