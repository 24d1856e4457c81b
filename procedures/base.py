"""What every labsyn procedure shares: columns with units, roles, refusals, recording."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pymeasure.experiment import (
    BooleanParameter,
    FloatParameter,
    IntegerParameter,
    ListParameter,
    Parameter,
    Procedure,
)

from labsyn.data.errors import BenchError, ComplianceError, ConfigError, UnitError
from labsyn.data.flags import Flag
from labsyn.data.hints import did_you_mean
from labsyn.data.run import Axis, Column, RunWriter
from labsyn.data.units import parse_quantity
from labsyn.drivers.bench import Bench

_LONG_WAIT = 1.0  # s: before such a wait the rows are forced to the disk
_LOOK = 0.1  # s between two looks for a request to stop
_WORDS = r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"  # Pulse and Train, IV and Sweep


class BenchProcedure(Procedure):
    """A PyMeasure procedure on a `Bench`.

    A subclass declares PyMeasure parameters, `ROLES`, and `COLUMNS`; implements `check`,
    `duration`, `row_estimate`, `startup` and `execute`; and stores rows with `record`, or
    many at once with `record_rows`, waveforms with `record_block`, and what happened with
    `record_event`. PyMeasure's own windows and workers run it as well: rows then go through
    ``emit("results", …)``, and the rest, for which they have no place, is not kept.

    Every procedure limits the current, and has a policy for what to do when the limit is
    reached: `record` it as a flag, or `stop` once the row is stored.

    Parameters
    ----------
    **values
        Parameters by name: numbers in the parameter's unit, or texts like ``"10 ms"``.

    Raises
    ------
    ConfigError
        For a name that is no parameter, or a value that is refused. (PyMeasure itself
        ignores an unknown name.)
    """

    ROLES: Sequence[str] = ()
    COLUMNS: Sequence[Column] = ()
    PLOT: tuple[str, str] | None = None  # signal and axis of the file's default plot
    SOURCE = ""  # text of the user's file that it is from, which the run keeps

    compliance_current = FloatParameter(
        "Compliance current", units="A", default=1e-3, minimum=1e-9, maximum=1.0
    )
    on_compliance = ListParameter("On compliance", choices=["record", "stop"], default="record")

    bench: Bench | None = None
    writer: RunWriter | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.DATA_COLUMNS = [column_title(column) for column in cls.COLUMNS]

    def __init__(self, **values: Any) -> None:
        super().__init__()
        for name, value in values.items():
            self._set(name, value)

    @classmethod
    def name(cls) -> str:
        """Return the name on the command line and in run files: ``pulse_train``."""
        return re.sub(_WORDS, "_", cls.__name__).lower()

    @classmethod
    def has_parameter(cls, name: str) -> bool:
        """Return whether it has a parameter of that name."""
        return isinstance(getattr(cls, name, None), Parameter)

    def check(self, bench: Bench) -> None:
        """Raise LimitError if these parameters go beyond the limits of `bench`.

        Called before anything is opened, sent or stored. A subclass goes on from here, which
        checks the duration.
        """
        bench.limits.check("run_time", self.duration(bench), "an estimated duration")

    def duration(self, bench: Bench | None) -> float:
        """Return how many seconds an uninterrupted run takes on `bench`.

        Without what the computer and the cables take; and without a bench, without the
        times that depend on its instruments.
        """
        raise NotImplementedError

    def get_estimates(self) -> float:
        """Return the `duration` on the bench that was given, for PyMeasure's windows."""
        known = self.bench is not None and self.bench.is_open
        return self.duration(self.bench if known else None)

    def row_estimate(self) -> int:
        """Return how many rows an uninterrupted run stores."""
        raise NotImplementedError

    def block_estimate(self) -> int:
        """Return how many bytes of blocks an uninterrupted run stores."""
        return 0

    def record(self, row: Sequence[float]) -> None:
        """Store one row, in the order of `COLUMNS`; it is safe when this returns."""
        if self.writer is None:
            self.emit("results", dict(zip(self.DATA_COLUMNS, row, strict=True)))
            return
        self.writer.append(row)
        self._heed_breakdown()

    def record_rows(self, columns: Mapping[str, NDArray[np.float64]]) -> None:
        """Store many rows at once, every column by name; they are safe when this returns."""
        if self.writer is None:
            for row in zip(*(columns[each.name] for each in self.COLUMNS), strict=True):
                self.record(row)
            return
        self.writer.append_rows(columns)
        self._heed_breakdown()

    def record_block(
        self,
        name: str,
        values: ArrayLike,
        unit: str = "1",
        *,
        axes: Sequence[Axis | None] = (),
        long_name: str = "",
    ) -> None:
        """Store a two-dimensional array beside the rows; see `RunWriter.block`."""
        if self.writer is not None:
            self.writer.block(name, values, unit, axes=axes, long_name=long_name)

    def record_event(self, kind: str, text: str, **details: Any) -> None:
        """Store what happened, with its time; see `RunWriter.event`."""
        if self.writer is not None:
            self.writer.event(kind, text, **details)

    def record_metadata(self, **values: Any) -> None:
        """Store what the run has found, by name, beside what is known of the run."""
        if self.writer is not None:
            self.writer.update_metadata(values)

    def _heed_breakdown(self) -> None:
        """Stop the run after a breakdown, now that its row is kept."""
        if self.bench is not None:
            self.bench.account.heed()

    def opened_bench(self) -> Bench:
        """Return the bench that the runner gave; raise BenchError if there is none."""
        if self.bench is None:
            raise BenchError(f"{self.name()} has no bench; run it with measure()")
        return self.bench

    def heed(self, flags: Flag, where: str) -> None:
        """Raise ComplianceError if compliance was reached and the policy is to stop."""
        if flags & Flag.COMPLIANCE and self.on_compliance == "stop":
            raise ComplianceError(
                f"compliance of {self.compliance_current:g} A reached at {where}; raise "
                "compliance_current or set on_compliance=record"
            )

    def wait(self, seconds: float) -> None:
        """Let `seconds` pass on the clock of the bench; a request to stop ends it early."""
        clock = self.opened_bench().clock
        end = clock.now() + seconds
        if self.writer is not None and seconds >= _LONG_WAIT:
            self.writer.sync()
        while (left := end - clock.now()) > 0 and not self.should_stop():
            clock.sleep(left if clock.simulated else min(left, _LOOK))

    def units(self) -> dict[str, str]:
        """Return the unit of each parameter that has one."""
        return {
            name: parameter.units
            for name, parameter in self._parameters.items()
            if getattr(parameter, "units", None)
        }

    def _set(self, name: str, value: Any) -> None:
        parameter = self._parameters.get(name)
        if parameter is None:
            known = ", ".join(self._parameters)
            hint = did_you_mean(name, self._parameters, f"it has {known}")
            raise ConfigError(f"{self.name()} has no parameter {name!r}; {hint}")
        try:
            parameter.value = _plain(parameter, value)
        except (ValueError, TypeError, OverflowError, UnitError) as error:
            raise ConfigError(
                f"{self.name()}: {name} = {value!r} is refused: {_allowed(parameter, error)}"
            ) from error
        setattr(self, name, parameter.value)


def column_title(column: Column) -> str:
    """Return PyMeasure's name of a column: ``"Conductance (S)"``."""
    plain = column.unit in ("", "1")
    return column.long_name if plain else f"{column.long_name} ({column.unit})"


def choices_of(parameter: Parameter) -> list[str]:
    """Return what a parameter may be, if that is one of a few values."""
    if isinstance(parameter, BooleanParameter):
        return ["true", "false"]
    return [str(choice) for choice in getattr(parameter, "choices", None) or ()]


def _plain(parameter: Parameter, value: Any) -> Any:
    """Turn ``"10 ms"`` into seconds, and refuse what a conversion would cut off."""
    if isinstance(parameter, FloatParameter) and parameter.units:
        return parse_quantity(value, parameter.units)
    if isinstance(value, bool) and isinstance(parameter, FloatParameter | IntegerParameter):
        raise TypeError("a number is needed")  # Python would take true for 1
    if isinstance(parameter, IntegerParameter):
        number = float(value)
        if number != int(number):
            raise ValueError("a whole number is needed")
        return int(number)
    return value


def _allowed(parameter: Parameter, error: Exception) -> str:
    low, high = getattr(parameter, "minimum", None), getattr(parameter, "maximum", None)
    unit = f" {parameter.units}" if getattr(parameter, "units", None) else ""
    choices = choices_of(parameter)
    if choices:
        return f"allowed are {', '.join(choices)}"
    if isinstance(error, UnitError) or low is None:
        return str(error)
    kind = "whole numbers from" if isinstance(parameter, IntegerParameter) else "is"
    return f"allowed {kind} {low:g} to {high:g}{unit}"
