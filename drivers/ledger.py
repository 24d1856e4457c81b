"""What a run has done to a device so far, and how far it went."""

import math
from dataclasses import dataclass, fields


@dataclass
class Ledger:
    """Account of one run.

    Attributes
    ----------
    n_pulses : int
        Pulses that were applied.
    charge, energy : float
        That the pulses and sweeps put in, in coulomb and joule: measured, or at worst
        (by the compliance) where the instrument measured nothing.
    peak_voltage, peak_current, peak_power, peak_field : float
        Largest absolute values, in volt, ampere, watt and tesla.
    """

    n_pulses: int = 0
    charge: float = 0.0
    energy: float = 0.0
    peak_voltage: float = 0.0
    peak_current: float = 0.0
    peak_power: float = 0.0
    peak_field: float = 0.0

    def see(self, voltage: float, current: float) -> None:
        """Note what was forced and measured at one moment; a missing current is skipped."""
        size = abs(voltage)
        if size > self.peak_voltage:
            self.peak_voltage = size
        flows = abs(current)
        if flows > self.peak_current:  # never for NaN
            self.peak_current = flows
        if size * flows > self.peak_power:
            self.peak_power = size * flows

    def add(self, voltage: float, current: float, seconds: float, worst: float) -> None:
        """Add `seconds` at `voltage` and `current`; at `worst` ampere if that is NaN."""
        flows = abs(worst if math.isnan(current) else current)
        self.charge += flows * seconds
        self.energy += flows * seconds * abs(voltage)

    def merged(self, other: "Ledger") -> "Ledger":
        """Return the account of both: sums, and the larger of each peak."""
        pairs = {f.name: (getattr(self, f.name), getattr(other, f.name)) for f in fields(self)}
        return Ledger(
            **{k: max(pair) if k.startswith("peak") else sum(pair) for k, pair in pairs.items()}
        )
