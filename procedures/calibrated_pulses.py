"""What procedures share that choose their pulses by a pulse map."""

import numpy as np
from pymeasure.experiment import Parameter

from labsyn.analysis.pulse_tuning import Laws
from labsyn.data.errors import ConfigError
from labsyn.drivers.bench import Bench
from labsyn.procedures.pulse_calibration import laws_of_map
from labsyn.procedures.resistance_pulses import BRANCHES, ResistancePulses


class CalibratedPulses(ResistancePulses):
    """Write pulses chosen by the laws that are fitted to the map in `map_run`."""

    map_run = Parameter("Run file of the pulse map", default="")

    _calibrated: tuple[str, Laws] | None = None  # the run file they come from, and the laws

    def laws(self) -> Laws:
        """Return the law of each branch; raises as `laws_of_map` does."""
        path = str(self.map_run)
        if self._calibrated is None or self._calibrated[0] != path:
            self._calibrated = (path, laws_of_map(path))
        return self._calibrated[1]

    def voltages(self) -> dict[str, float]:
        largest = max(np.abs(law.voltages).max() for law in self.laws().values())
        return {"the largest voltage of map_run": float(largest)}

    def check(self, bench: Bench) -> None:
        for branch, law in self.laws().items():
            if np.sign(law.voltages[0]) != np.sign(self.signed(branch, 1.0)):
                raise ConfigError(
                    f"map_run has {BRANCHES[branch]} at {law.voltages[0]:g} V, against "
                    f"potentiation_sign = {self.potentiation_sign}"
                )
        super().check(bench)

    def tell_laws(self) -> None:
        """Keep in the run file what the pulses are chosen by."""
        for branch, law in self.laws().items():
            self.tell(f"law of {BRANCHES[branch]}, fitted to {self.map_run}", **law.to_dict())
