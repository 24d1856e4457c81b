"""The parts of a sequence: a die, and a step with the parameters that it varies."""

import itertools
import math
from collections import abc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from labsyn.data.errors import ConfigError
from labsyn.procedures.base import BenchProcedure


@dataclass(frozen=True)
class Die:
    """A device of an array, by its name in the bench file.

    Attributes
    ----------
    name : str
        As in ``[dies.NAME]``.
    set : mapping of str to object
        Parameters that are its own.
    source : str
        Where it is named, for messages: ``dies.csv, line 3``.
    """

    name: str
    set: Mapping[str, Any] = field(default_factory=dict)
    source: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"die {self.name} ({self.source})" if self.source else f"die {self.name}"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One procedure, with parameters that stay and parameters that change from run to run.

    Attributes
    ----------
    procedure : type of BenchProcedure
        What to do.
    set : mapping of str to object
        Parameters of all runs: numbers, or texts such as ``"10 ms"``.
    loop : mapping of str to sequence
        Values of a parameter; several parameters are combined each with each, the last one
        changing fastest.
    zip : mapping of str to sequence
        Values of parameters that change together, all of one length.
    repeat : int
        How often each run is done before the next.
    wait : float
        Seconds at rest before each run.
    over : sequence of Die
        Do all of it on one die after the other.
    note : str
        For the run files.
    """

    procedure: type[BenchProcedure]
    set: Mapping[str, Any] = field(default_factory=dict)
    loop: Mapping[str, abc.Sequence[Any]] = field(default_factory=dict)
    zip: Mapping[str, abc.Sequence[Any]] = field(default_factory=dict)
    repeat: int = 1
    wait: float = 0.0
    over: abc.Sequence[Die] = ()
    note: str = ""

    def __post_init__(self) -> None:
        if self.repeat < 1 or not 0 <= self.wait < math.inf:
            raise ConfigError(
                f"repeat = {self.repeat}, wait = {self.wait:g} s: a step is done at least "
                "once, after no or some seconds"
            )
        names = [*self.set, *self.loop, *self.zip]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ConfigError(f"{min(twice)} is given twice; it is in one of set, loop and zip")
        for key, lists in (("loop", self.loop), ("zip", self.zip)):
            for name, values in lists.items():
                if isinstance(values, str) or not isinstance(values, abc.Sequence):
                    raise ConfigError(f"{key}: {name} = {values!r} is no list of values")
                if not values:
                    raise ConfigError(f"{key}: {name} has no values")
        if len({len(values) for values in self.zip.values()}) > 1:
            lengths = ", ".join(f"{name} {len(each)}" for name, each in self.zip.items())
            raise ConfigError(f"zip: all lists have one length, these have {lengths}")

    @property
    def n_variations(self) -> int:
        """How many different runs a die gets."""
        together = len(next(iter(self.zip.values()))) if self.zip else 1
        return together * math.prod(len(values) for values in self.loop.values())

    def variations(self) -> Iterator[dict[str, Any]]:
        """Yield the parameters that change, for each different run."""
        together = zip(*self.zip.values(), strict=True) if self.zip else [()]
        for zipped in together:
            for looped in itertools.product(*self.loop.values()):
                yield dict(zip([*self.zip, *self.loop], [*zipped, *looped], strict=True))
