"""Which procedures there are: those of labsyn, of installed packages and of the user."""

from collections.abc import Iterable
from pathlib import Path

from labsyn.data.errors import ConfigError
from labsyn.data.hints import did_you_mean
from labsyn.procedures.base import BenchProcedure
from labsyn.procedures.breakdown import Breakdown
from labsyn.procedures.closed_loop_tuning import ClosedLoopTuning
from labsyn.procedures.custom import Found, find_custom, load_file
from labsyn.procedures.description import parameters_of
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
from labsyn.procedures.spike_plasticity import SNDP, SVDP, SVWDP, SWDP
from labsyn.procedures.stdp import STDP
from labsyn.procedures.switching_loop import SwitchingLoop
from labsyn.procedures.switching_probability import SwitchingProbability

BUILT_IN: tuple[type[BenchProcedure], ...] = (
    PulseTrain,
    SNDP,
    SVDP,
    SWDP,
    SVWDP,
    Endurance,
    Retention,
    PairedPulse,
    STDP,
    IVSweep,
    MemoryLoop,
    FieldLoop,
    MajorFieldLoop,
    SwitchingLoop,
    SwitchingProbability,
    Breakdown,
    PulseMap,
    FeedforwardTuning,
    ClosedLoopTuning,
    LevelVerification,
)
"""The procedures of labsyn itself; those of users are found by `labsyn.procedures.custom`."""


def procedures() -> dict[str, type[BenchProcedure]]:
    """Return every procedure of labsyn by its name."""
    return {kind.name(): kind for kind in BUILT_IN}


def list_procedures() -> Found:
    """Return the procedures of labsyn, of installed packages and of the user's files."""
    found = find_custom(procedures())
    found.kinds = procedures() | found.kinds
    return found


def find_procedure(name: str) -> type[BenchProcedure]:
    """Return the procedure called `name`, or the one in a file ``path/to/my_procedure.py``.

    Of a file with several the name is said after a colon: ``my_procedure.py:my_name``.

    Raises
    ------
    ConfigError
        If there is none, with the nearest right name; if two files have one of that name;
        or if the file is broken.
    """
    before, suffix, after = name.rpartition(".py")
    if suffix and (not after or after[0] == ":"):
        return _of_file(Path(before + suffix), after[1:])
    if name in procedures():  # then no file of a user is read
        return procedures()[name]
    found = list_procedures()
    if name not in found.kinds:
        broken = "".join(f"; {sentence}" for sentence in found.broken)
        raise ConfigError(f"there is no procedure {name!r}; {_hint(name, found.kinds)}{broken}")
    if name in found.shared:
        raise ConfigError(f"{found.shared[name]}, or run the file that you mean by its path")
    return found.kinds[name]


def _of_file(path: Path, name: str) -> type[BenchProcedure]:
    kinds = {kind.name(): kind for kind in load_file(path)}
    if not name and len(kinds) == 1:
        return next(iter(kinds.values()))
    if not name:
        raise ConfigError(
            f"{path} holds {' and '.join(kinds)}: say which, {path}:{next(iter(kinds))}"
        )
    if name not in kinds:
        raise ConfigError(f"{path} holds no procedure {name!r}; {_hint(name, kinds)}")
    return kinds[name]


def _hint(name: str, known: Iterable[str]) -> str:
    return did_you_mean(name, known, f"known are {', '.join(known)}")


def describe_parameters(kind: type[BenchProcedure]) -> list[list[str]]:
    """Return name, default, allowed values and meaning of each parameter."""
    return [parameter.row() for parameter in parameters_of(kind)]
