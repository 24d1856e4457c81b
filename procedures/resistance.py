"""What procedures share that read a resistance: reads, their mean, and its uncertainty."""

import math
from dataclasses import dataclass

import numpy as np
from pymeasure.experiment import FloatParameter, IntegerParameter

from labsyn.analysis.divider import combined
from labsyn.data.flags import Flag
from labsyn.data.run import Column
from labsyn.data.units import format_quantity
from labsyn.drivers.bench import Bench
from labsyn.drivers.guard import GuardedReader
from labsyn.drivers.roles import Reading
from labsyn.procedures.base import BenchProcedure

READ_COLUMNS = (
    Column("voltage", "V", "Voltage"),
    Column("current", "A", "Current"),
    Column("resistance", "ohm", "Resistance"),
    Column("resistance_uncertainty", "ohm", "Standard uncertainty of the resistance"),
    Column("conductance", "S", "Conductance"),
)
"""What `Point.row` holds."""


@dataclass(frozen=True, slots=True)
class Point:
    """The mean of the reads of one point.

    Attributes
    ----------
    voltage, current : float
        Of the device, in volt and ampere.
    uncertainties : dict
        Standard uncertainties of the resistance in ohm, by their cause.
    flags : Flag
        All that was wrong with any of the reads.
    """

    voltage: float
    current: float
    uncertainties: dict[str, float]
    flags: Flag

    @property
    def resistance(self) -> float:
        """In ohm; infinite without a current, NaN where none was read."""
        return self.voltage / self.current if self.current else math.inf

    @property
    def conductance(self) -> float:
        """In siemens."""
        return Reading(self.voltage, self.current).conductance

    @property
    def uncertainty(self) -> float:
        """Combined standard uncertainty of the resistance, in ohm; NaN if that is no number."""
        return combined(self.uncertainties) if math.isfinite(self.resistance) else math.nan

    @property
    def row(self) -> tuple[float, ...]:
        """Return what a row holds of it, in the order of `READ_COLUMNS`."""
        return (
            self.voltage, self.current, self.resistance, self.uncertainty, self.conductance
        )  # fmt: skip


class ResistanceProcedure(BenchProcedure):
    """A procedure that reads the resistance of the device at each of its points.

    The standard uncertainty of each resistance combines what the reader says of itself (the
    tolerance of a reference resistor, the accuracy of its ranges, its noise) and, with
    `n_reads` of 2 and more, the scatter of the reads in place of that noise. With one read
    the noise of the device is not in it. An event says how much comes from what.
    """

    read_voltage = FloatParameter("Read voltage", units="V", default=0.1)
    n_reads = IntegerParameter("Reads per point", default=1, minimum=1, maximum=1000)

    reader: GuardedReader
    _told = False

    def check(self, bench: Bench) -> None:
        super().check(bench)
        bench.reader.check_reads(
            voltage=self.read_voltage, compliance_current=self.compliance_current
        )

    def point_time(self, bench: Bench) -> float:
        """Return the seconds that the reads of one point take on `bench`."""
        return float(self.n_reads * bench.reader.read_time)

    def startup(self) -> None:
        self.reader = self.opened_bench().reader
        self.reader.setup_reads(
            voltage=self.read_voltage, compliance_current=self.compliance_current
        )
        self._told = False

    def read_point(self) -> Point:
        """Read `n_reads` times, fewer if the device breaks meanwhile, and return the mean."""
        readings: list[Reading] = []
        flags = self.opened_bench().origin
        while len(readings) < self.n_reads and not flags & Flag.BREAKDOWN:
            readings.append(self.reader.read())
            flags |= readings[-1].flags
        voltage = sum(reading.voltage for reading in readings) / len(readings)
        current = sum(reading.current for reading in readings) / len(readings)
        uncertainties = self.reader.uncertainties(Reading(voltage, current))
        if len(readings) > 1:
            uncertainties.pop("noise", None)
            uncertainties["scatter"] = _scatter(readings)
        point = Point(voltage, current, uncertainties, flags)
        if not self._told and math.isfinite(point.resistance):
            self._tell(point)
        return point

    def _tell(self, point: Point) -> None:
        self._told = True
        parts = ", ".join(
            f"{cause} {format_quantity(ohms, 'ohm')}"
            for cause, ohms in point.uncertainties.items()
        )
        self.record_event(
            "info",
            f"a resistance of {format_quantity(point.resistance, 'ohm')} has a standard "
            f"uncertainty of {format_quantity(point.uncertainty, 'ohm')}: {parts}",
            resistance=point.resistance,
            uncertainties=point.uncertainties,
        )


def _scatter(readings: list[Reading]) -> float:
    """Return the experimental standard deviation of the mean resistance, in ohm."""
    each = [r.voltage / r.current if r.current else math.inf for r in readings]
    if not np.all(np.isfinite(each)):
        return math.nan
    return float(np.std(each, ddof=1) / math.sqrt(len(each)))
