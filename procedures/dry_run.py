"""Playing a procedure on the simulated twin of a bench: what it would do, before it does it."""

import copy
import tempfile
from dataclasses import dataclass

from labsyn.data.run import Run
from labsyn.data.units import format_quantity
from labsyn.drivers.bench import Bench
from labsyn.drivers.ledger import Ledger
from labsyn.drivers.limits import UNITS, Limits
from labsyn.procedures.base import BenchProcedure

_LIMIT_OF = {
    "peak_voltage": "voltage",
    "peak_current": "current",
    "peak_power": "power",
    "peak_field": "field",
    "n_pulses": "n_pulses",
    "charge": "charge",
    "energy": "energy",
    "duration": "run_time",
}
_MEANING = {
    "peak_voltage": "highest voltage",
    "peak_current": "highest current",
    "peak_power": "highest power",
    "peak_field": "highest field",
    "n_pulses": "pulses",
    "charge": "charge of all pulses and sweeps",
    "energy": "energy of all pulses and sweeps",
    "duration": "duration",
}


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """What a procedure did on the simulated twin.

    Voltages, currents, powers, charge and energy are those of the simulated device: another
    device draws another current, up to the compliance. The duration is that of the
    instruments, without what the computer and the cables take.

    Attributes
    ----------
    device : str
        Which device the twin had.
    duration : float
        In seconds.
    n_rows, file_size : int
        Rows of the run, and bytes of its file.
    n_flagged : int
        Rows that a fit would leave out, such as those in compliance.
    account : Ledger
        Pulses, charge, energy, and peaks.
    limits : Limits
        Those of the bench.
    """

    device: str
    duration: float
    n_rows: int
    file_size: int
    n_flagged: int
    account: Ledger
    limits: Limits

    def rows(self) -> list[list[str]]:
        """Return meaning, value, limit and share of each quantity, for a table."""
        table = []
        for name, key in _LIMIT_OF.items():
            value, limit, unit = self._value(name), getattr(self.limits, key), UNITS[key]
            if name == "peak_field" and value == 0:
                continue
            share = "" if limit == float("inf") else f"{100 * value / limit:.3g} %"
            allowed = format_quantity(limit, unit) if share else "none set"
            table.append([_MEANING[name], format_quantity(value, unit), allowed, share])
        table.append(["rows", f"{self.n_rows} ({self.n_flagged} flagged)", "", ""])
        table.append(["file", f"{self.file_size / 1e6:.3g} MB", "", ""])
        return table

    def to_dict(self) -> dict[str, float | int | str]:
        """Return all quantities in SI units, for programs."""
        return {
            "device": self.device,
            **{name: self._value(name) for name in _LIMIT_OF},
            "n_rows": self.n_rows,
            "n_flagged": self.n_flagged,
            "file_size": self.file_size,
        }

    def _value(self, name: str) -> float:
        return self.duration if name == "duration" else float(getattr(self.account, name))


def dry_run(procedure: BenchProcedure, twin: Bench) -> DryRun:
    """Play a copy of `procedure` on `twin`, a simulated bench, and return what came out.

    Raises
    ------
    LimitError, RoleError
        As the real run would.
    """
    from labsyn.procedures.runner import measure

    with tempfile.TemporaryDirectory(prefix="labsyn-dry-run-") as folder:
        start = twin.clock.now()
        run: Run = measure(copy.copy(procedure), twin, folder)
        simulation = twin.config.simulation
        return DryRun(
            device=simulation.device if simulation is not None else "",
            duration=twin.clock.now() - start,
            n_rows=run.n_rows,
            file_size=run.path.stat().st_size,
            n_flagged=run.n_flagged,
            account=twin.account.total(),
            limits=twin.limits,
        )
