"""How often a pulse switches: initialise, pulse and read, again and again."""

import math
from dataclasses import asdict, dataclass

from pymeasure.experiment import FloatParameter, IntegerParameter

from labsyn.data.errors import BenchError
from labsyn.data.run import Column
from labsyn.drivers.bench import Bench
from labsyn.drivers.roles import Reading
from labsyn.procedures.in_field import InField
from labsyn.procedures.pulsed_resistance import PulsedResistance
from labsyn.procedures.resistance import READ_COLUMNS, Point

_NO_PULSE = Reading(0.0, 0.0)
_LEAST_CHANGE = 0.02  # of the conductance from state to state; noise of a read is 0.1 %


@dataclass
class Counts:
    """Trials and successes at one voltage.

    Attributes
    ----------
    voltage : float
        In volt.
    n_trials, n_successes : int
        How many.
    """

    voltage: float
    n_trials: int = 0
    n_successes: int = 0

    def add(self, success: float) -> None:
        """Count a trial that failed (0) or succeeded (1); NaN is none."""
        if not math.isnan(success):
            self.n_trials += 1
            self.n_successes += int(success)


class SwitchingProbability(InField, PulsedResistance):
    """Count how often a pulse switches the device, at each of several voltages.

    A trial sets the field to `initial_field`, then to `assist_field`; reads; applies one
    pulse; and reads again. The states to compare with are those that `initial_field` and
    its opposite leave behind, read without field and stored as the first two rows. A trial
    succeeds if its pulse brings the conductance across at least `success_fraction` of the
    way from the one to the other; one that is there before its pulse (the field did not
    initialise it, or the assist field alone switches it) is no trial, and its success NaN.
    ``branch`` is +1 if the way raises the conductance, as measured, and -1 if not.

    Trials and successes so far are columns, so that an aborted run keeps them; those of all
    voltages are in the metadata ``switching``. This is one device: a probability over
    devices, such as that of the figure, takes a run for each.

    The defaults are the conditions of Kumar et al., Nanoscale Horizons 9, 1522 (2024),
    figure 4d: pulses of 200 ns from AP to P without field, on up to 10 devices for each
    thickness. Voltages, the number of repetitions and the initial field are not printed
    there and chosen here.
    """

    ROLES = ("field", "pulse_source", "reader")
    COLUMNS = (
        Column("time", "s", "Time"),
        Column("repetition", "1", "Repetition"),  # 0: a state to compare with
        Column("pulse_voltage", "V", "Pulse voltage"),
        Column("pulse_current", "A", "Pulse current"),
        Column("field", "T", "Field"),
        Column("conductance_before", "S", "Conductance before the pulse"),
        *READ_COLUMNS,
        Column("switched", "1", "Switched fraction"),
        Column("success", "1", "Success"),
        Column("n_trials", "1", "Trials at this voltage"),
        Column("n_successes", "1", "Successes at this voltage"),
        Column("branch", "1", "Branch"),
        Column("flags", "1", "Flags"),
    )
    PLOT = ("switched", "pulse_voltage")

    first_voltage = FloatParameter("Lowest pulse voltage", units="V", default=-0.3)
    last_voltage = FloatParameter("Highest pulse voltage", units="V", default=-1.5)
    n_voltages = IntegerParameter("Voltages", default=13, minimum=2, maximum=10**4)
    n_repetitions = IntegerParameter(
        "Repetitions per voltage", default=10, minimum=1, maximum=10**5
    )
    assist_field = FloatParameter("Assist field", units="T", default=0.0)
    initial_field = FloatParameter("Field that initialises", units="T", default=20e-3)
    success_fraction = FloatParameter(
        "Part of the way that is a success", default=0.5, minimum=0.01, maximum=1.0
    )

    _start: Point
    _target: Point
    _branch: int

    def extremes(self) -> dict[str, float]:
        return {"first_voltage": self.first_voltage, "last_voltage": self.last_voltage}

    def n_applied(self) -> int:
        return int(self.n_voltages * self.n_repetitions)

    def check(self, bench: Bench) -> None:
        self.ramp(self.first_voltage, self.last_voltage, self.n_voltages)
        super().check(bench)
        for tesla in (self.initial_field, self.assist_field):
            bench.field.check_field(tesla, slew=self.field_slew)

    def row_estimate(self) -> int:
        return 2 + self.n_applied()

    def duration(self, bench: Bench | None) -> float:
        if bench is None:
            return self.pulse_time()
        start, assist, slew = self.initial_field, self.assist_field, self.field_slew
        moving = bench.field.path_time([start, 0.0, -start, 0.0, start, assist], slew=slew)
        there_and_back = 2 * bench.field.ramp_time(abs(assist - start), slew=slew)
        moving += (self.n_applied() - 1) * there_and_back
        reading = 2 * (1 + self.n_applied()) * self.point_time(bench)
        return self.pulse_time() + moving + reading + self.relay_time(bench)

    def execute(self) -> None:
        self._compare()
        table = [
            Counts(float(volts))
            for volts in self.ramp(self.first_voltage, self.last_voltage, self.n_voltages)
        ]
        done = 0
        for counts in table:
            for repetition in range(1, self.n_repetitions + 1):
                if self.should_stop():
                    return
                self._trial(repetition, counts)
                done += 1
                self.emit("progress", 100 * done / self.n_applied())
            found = f"{counts.n_successes} of {counts.n_trials} at {counts.voltage:g} V"
            self.record_event("info", f"switched {found}", **asdict(counts))
        columns = [asdict(counts) for counts in table]
        self.record_metadata(switching={key: [c[key] for c in columns] for key in columns[0]})

    def _compare(self) -> None:
        """Read and store the two states between which the pulses are to switch."""
        nothing = Counts(math.nan)
        self._start = self._after_field(self.initial_field, 0.0)
        self._record(0, nothing, self._start, self._start, 0.0)
        self._target = self._after_field(-self.initial_field, 0.0)
        change = self._target.conductance / self._start.conductance - 1
        if not abs(change) >= _LEAST_CHANGE:  # written so that NaN is refused too
            raise BenchError(
                f"{self.name()}: fields of {self.initial_field:g} T and its opposite leave "
                f"conductances that differ by {change:.2%}, at least {_LEAST_CHANGE:.0%} are "
                "needed to tell the states; raise initial_field, or look for contact"
            )
        self._branch = 1 if change > 0 else -1
        self._record(0, nothing, self._start, self._target, 1.0)

    def _trial(self, repetition: int, counts: Counts) -> None:
        before = self._after_field(self.initial_field, self.assist_field)
        applied = self.source.pulse(counts.voltage)
        after = self.read_point()
        switched, success = self._switched(after), math.nan
        if self._switched(before) < self.success_fraction and not math.isnan(switched):
            success = float(switched >= self.success_fraction)
        counts.add(success)
        self._record(repetition, counts, before, after, switched, success, applied)

    def _after_field(self, *fields: float) -> Point:
        for tesla in fields:
            self.field.set_field(tesla, slew=self.field_slew)
        return self.read_point()

    def _switched(self, point: Point) -> float:
        """Return how far the conductance is on its way, 0 to 1; NaN if it was not read."""
        way = self._target.conductance - self._start.conductance
        return (point.conductance - self._start.conductance) / way

    def _record(
        self,
        repetition: int,
        counts: Counts,
        before: Point,
        after: Point,
        switched: float,
        success: float = math.nan,
        applied: Reading = _NO_PULSE,
    ) -> None:
        branch = self._branch if repetition else 0
        flags = before.flags | after.flags | applied.flags
        now = self.opened_bench().clock.now()
        row = (
            now, repetition, counts.voltage, applied.current, self.field.read_field(),
            before.conductance, *after.row, switched, success, counts.n_trials,
            counts.n_successes, branch, float(flags),
        )  # fmt: skip
        self.record(row)
        self.heed(flags, f"repetition {repetition} at {counts.voltage:g} V")
