"""What procedures share that pulse one terminal and read the resistance at another."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pymeasure.experiment import FloatParameter

from labsyn.data.errors import ConfigError
from labsyn.drivers.bench import Bench
from labsyn.drivers.guard import GuardedPulseSource
from labsyn.procedures.resistance import ResistanceProcedure


class PulsedResistance(ResistanceProcedure):
    """A procedure that reads the resistance after each pulse.

    The defaults are the pulses of Kumar et al., Nanoscale Horizons 9, 1522 (2024), sections
    B and G: 200 ns along the write channel, and 1.5 s of delay, after which the junctions
    are read. A generator has no compliance: `compliance_current` is what it may drive at
    worst, the voltage over the load of the bench file.
    """

    ROLES: Sequence[str] = ("pulse_source", "reader")

    compliance_current = FloatParameter(
        "Compliance current", units="A", default=10e-3, minimum=1e-9, maximum=1.0
    )
    pulse_width = FloatParameter(
        "Pulse width", units="s", default=200e-9, minimum=1e-9, maximum=1e4
    )
    pulse_delay = FloatParameter(
        "Delay after a pulse", units="s", default=1.5, minimum=1e-9, maximum=1e4
    )

    source: GuardedPulseSource

    def extremes(self) -> dict[str, float]:
        """Return the smallest and largest pulses in volt, by the parameter they come from."""
        raise NotImplementedError

    def n_applied(self) -> int:
        """Return how many pulses an uninterrupted run applies."""
        raise NotImplementedError

    def check(self, bench: Bench) -> None:
        super().check(bench)
        bench.pulse_source.check_pulses(
            self.extremes(),
            width=self.pulse_width,
            period=self.pulse_width + self.pulse_delay,
            compliance_current=self.compliance_current,
            n_pulses=self.n_applied(),
        )

    def pulse_time(self) -> float:
        """Return the seconds that all pulses and their delays take."""
        return float(self.n_applied() * (self.pulse_width + self.pulse_delay))

    def relay_time(self, bench: Bench) -> float:
        """Return the seconds that relays take to go to pulse and read, once for each pulse."""
        return self.n_applied() * bench.route_time("pulse_source", "reader")

    def startup(self) -> None:
        super().startup()
        self.source = self.opened_bench().pulse_source
        self.source.setup_pulses(
            width=self.pulse_width,
            period=self.pulse_width + self.pulse_delay,
            compliance_current=self.compliance_current,
        )

    def ramp(self, first: float, last: float, n: int) -> NDArray[np.float64]:
        """Return `n` equidistant voltages; raise ConfigError if one of them is 0 V."""
        if first * last <= 0:
            raise ConfigError(
                f"{self.name()}: a ramp of pulses from {first:g} V to {last:g} V is asked for; "
                "both ends need one sign, and neither may be 0 V"
            )
        return np.linspace(first, last, n)
