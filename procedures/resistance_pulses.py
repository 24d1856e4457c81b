"""What the procedures of feedforward tuning share: write, read, initialise, and keep all."""

import math
from collections.abc import Sequence
from typing import Any, NoReturn

from pymeasure.experiment import FloatParameter, IntegerParameter, ListParameter

from labsyn.analysis.switching_law import DEPRESSION, POTENTIATION
from labsyn.data.errors import BenchError, ConfigError
from labsyn.data.flags import Flag
from labsyn.data.run import Column
from labsyn.drivers.bench import Bench
from labsyn.drivers.guard import GuardedPulseSource, GuardedReader
from labsyn.procedures.base import BenchProcedure

BRANCHES = {POTENTIATION: "potentiation", DEPRESSION: "depression"}

COLUMNS = (
    Column("time", "s", "Time"),
    Column("cycle", "1", "Cycle"),
    Column("branch", "1", "Branch"),
    Column("pulse", "1", "Pulse"),
    Column("initialising", "1", "Initialising"),
    Column("pulse_voltage", "V", "Pulse voltage"),
    Column("pulse_current", "A", "Pulse current"),
    Column("read_current", "A", "Read current"),
    Column("conductance", "S", "Conductance"),
    Column("resistance", "ohm", "Resistance"),
)
LAST_COLUMN = Column("flags", "1", "Flags")


class ResistancePulses(BenchProcedure):
    """Write pulses that move a resistance between HRS and LRS, each followed by a read.

    Potentiation leads from the high to the low resistance. Which sign of the write voltage
    does so is a parameter; every other voltage is a size. A train starts once the device
    reads its end state or beyond, by `start_tolerance` at most: until then pulses of
    `initialise_voltage` are given, in either direction, which are stored like all others,
    with 1 in the column `initialising`.
    """

    ROLES = ("pulse_source", "reader")
    COLUMNS: Sequence[Column] = (*COLUMNS, LAST_COLUMN)
    PLOT = ("resistance", "time")

    hrs = FloatParameter("High resistance", units="ohm", default=880.0, minimum=1e-3)
    lrs = FloatParameter("Low resistance", units="ohm", default=740.0, minimum=1e-3)
    potentiation_sign = ListParameter(
        "Sign of the write voltage in potentiation", choices=[-1, 1], default=-1
    )
    pulse_width = FloatParameter(
        "Pulse width", units="s", default=0.8, minimum=1e-9, maximum=1e4
    )
    pulse_pause = FloatParameter(
        "Pause after a pulse", units="s", default=0.1, minimum=1e-9, maximum=1e4
    )
    initialise_voltage = FloatParameter(
        "Size of the voltage that initialises", units="V", default=6.0, minimum=1e-6,
        maximum=1e3,
    )  # fmt: skip
    start_tolerance = FloatParameter(
        "Farthest beyond its start that a train begins", units="ohm", default=3.0, minimum=1e-9
    )
    most_initialising = IntegerParameter(
        "Most pulses of one initialisation", default=500, minimum=1, maximum=10**6
    )
    read_voltage = FloatParameter("Read voltage", units="V", default=0.1)
    read_compliance = FloatParameter(
        "Compliance current of a read", units="A", default=10e-3, minimum=1e-9, maximum=1.0
    )
    compliance_current = FloatParameter(
        "Compliance current of a pulse", units="A", default=0.2, minimum=1e-9, maximum=1.0
    )

    source: GuardedPulseSource
    reader: GuardedReader
    cycle = 0
    more: tuple[float, ...] = ()  # values of the columns that a subclass has before its flags
    pulse_power = math.nan  # of the last pulse, in watt; NaN where the source measures none

    def voltages(self) -> dict[str, float]:
        """Return the sizes of the write voltages that may be given, by what they are."""
        raise NotImplementedError

    def most_pulses(self) -> int:
        """Return how many pulses a run gives at most."""
        raise NotImplementedError

    def check(self, bench: Bench) -> None:
        if not self.lrs < self.hrs:
            raise ConfigError(
                f"lrs is {self.lrs:g} ohm and hrs {self.hrs:g} ohm; lrs must be the lower one"
            )
        super().check(bench)
        sizes = {"initialise_voltage": self.initialise_voltage, **self.voltages()}
        for sign in (1, -1):
            bench.pulse_source.check_pulses(
                {name: sign * size for name, size in sizes.items()},
                width=self.pulse_width,
                period=self.pulse_width + self.pulse_pause,
                compliance_current=self.compliance_current,
                n_pulses=self.most_pulses(),
            )
        bench.reader.check_reads(
            voltage=self.read_voltage, compliance_current=self.read_compliance
        )

    def row_estimate(self) -> int:
        """Return how many rows a run stores at most: the device decides how many it takes."""
        return 1 + self.most_pulses()

    def duration(self, bench: Bench | None) -> float:
        """Return how many seconds a run takes at most; see `row_estimate`."""
        seconds = self.most_pulses() * (self.pulse_width + self.pulse_pause)
        if bench is None:
            return seconds
        relays = self.row_estimate() * bench.route_time("pulse_source", "reader")
        return seconds + relays + self.row_estimate() * bench.reader.read_time

    def startup(self) -> None:
        bench = self.opened_bench()
        self.source, self.reader, self.cycle = bench.pulse_source, bench.reader, 0
        self.reader.setup_reads(
            voltage=self.read_voltage, compliance_current=self.read_compliance
        )
        self.source.setup_pulses(
            width=self.pulse_width,
            period=self.pulse_width + self.pulse_pause,
            compliance_current=self.compliance_current,
        )

    def signed(self, branch: int, size: float) -> float:
        """Return the write voltage of `size` volt that drives `branch`."""
        return size * self.potentiation_sign * branch

    def ends(self, branch: int) -> tuple[float, float]:
        """Return the resistances where `branch` starts and where it ends, in ohm."""
        return (self.hrs, self.lrs) if branch == POTENTIATION else (self.lrs, self.hrs)

    def initialise(self, branch: int, resistance: float) -> float:
        """Go to where `branch` starts, from `resistance`; return what is read there, in ohm.

        Raises
        ------
        BenchError
            If `most_initialising` pulses do not lead there.
        """
        start, pulse = self.ends(branch)[0], 0
        while not self._at_start(branch, resistance):
            if self.should_stop():
                return resistance
            if pulse == self.most_initialising:
                self._never_there(start, resistance)
            pulse += 1
            way = branch if beyond(resistance, start, -branch) else -branch
            volts = self.signed(way, self.initialise_voltage)
            resistance = self.write(way, pulse, volts, initialising=True)
        return resistance

    def _at_start(self, branch: int, resistance: float) -> bool:
        """Return whether `resistance` is where `branch` starts, or a little before that."""
        start = self.ends(branch)[0]
        before = abs(resistance - start) <= self.start_tolerance
        return before and beyond(resistance, start, -branch)

    def _never_there(self, start: float, resistance: float) -> NoReturn:
        raise BenchError(
            f"{self.most_initialising} pulses of {self.initialise_voltage:g} V and "
            f"{self.pulse_width:g} s brought the device to {resistance:.5g} ohm, it should "
            f"reach {start:g} ohm; change initialise_voltage, most_initialising or "
            "start_tolerance, or move hrs and lrs"
        )

    def write(
        self,
        branch: int,
        pulse: int,
        voltage: float,
        *,
        initialising: bool = False,
    ) -> float:
        """Apply one pulse, read, store both; return the resistance in ohm."""
        applied = self.source.pulse(voltage)
        self.pulse_power = abs(voltage * applied.current)
        return self.look(
            branch, pulse, voltage, applied.current, applied.flags, initialising=initialising
        )  # fmt: skip

    def look(
        self,
        branch: int = 0,
        pulse: int = 0,
        voltage: float = 0.0,
        current: float = 0.0,
        flags: Flag = Flag(0),  # noqa: B008, a number that cannot change
        *,
        initialising: bool = False,
    ) -> float:
        """Read, and store the row; return the resistance in ohm.

        Raises
        ------
        BenchError
            If there is no resistance to go on from: the row is kept.
        """
        bench = self.opened_bench()
        read = self.reader.read()
        flags |= read.flags | bench.origin
        resistance = 1 / read.conductance if read.conductance else math.inf
        row = (
            bench.clock.now(), self.cycle, branch, pulse, float(initialising), voltage, current,
            read.current, read.conductance, resistance, *self.more, float(flags),
        )  # fmt: skip
        self.record(row)
        self.heed(flags, f"cycle {self.cycle}, pulse {pulse}")
        if not 0 < resistance < math.inf:
            raise BenchError(
                f"the device reads {resistance:g} ohm at cycle {self.cycle}, pulse {pulse}; a "
                "pulse is chosen by a positive resistance"
            )
        return resistance

    def tell(self, text: str, **details: Any) -> None:
        """Keep in the run file what came out, for people and for programs."""
        self.record_event("info", text, **details)


def beyond(resistance: float, end: float, branch: int) -> bool:
    """Return whether `branch` has led to `end` or beyond, both in ohm."""
    return resistance <= end if branch == POTENTIATION else resistance >= end
