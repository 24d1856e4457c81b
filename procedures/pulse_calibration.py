"""The laws of both branches from the run file of a `PulseMap`."""

from collections.abc import Iterator

import numpy as np

from labsyn.analysis.pulse_tuning import Laws
from labsyn.analysis.switching_fit import Train, fit_switching_law
from labsyn.analysis.switching_law import SwitchingLaw
from labsyn.data.errors import ConfigError, DataFileError, FitError
from labsyn.data.run import Run
from labsyn.procedures.resistance_pulses import BRANCHES


def laws_of_map(path: str) -> Laws:
    """Return the law of each branch, fitted to the pulse map in the run file `path`.

    Their progress runs between the two ends of the map, whatever is tuned with them. Flagged
    rows are left out, as in every fit: a train ends where one is flagged.

    Raises
    ------
    ConfigError
        If there is no such file, it is no pulse map, or no law can be fitted to it.
    """
    if not path:
        raise ConfigError(
            "map_run is not given; measure one first (labsyn run pulse_map …) and give its "
            "run file"
        )
    try:
        run = Run.open(path)
        if run.procedure != "pulse_map":
            raise ConfigError(f"map_run {path} is a run of {run.procedure}, not of pulse_map")
        return {branch: _law(run, branch) for branch in BRANCHES}
    except (DataFileError, FitError) as error:
        raise ConfigError(f"map_run {path} gives no calibration: {error}") from error


def _law(run: Run, branch: int) -> SwitchingLaw:
    given = run.parameters
    return fit_switching_law(
        branch, list(trains_of(run, branch)),
        width=given["pulse_width"], lrs=given["lrs"], hrs=given["hrs"],
    )  # fmt: skip


def trains_of(run: Run, branch: int) -> Iterator[Train]:
    """Yield the trains of one branch of a pulse map, each with the read before it."""
    resistance, volts = run["resistance"], run["pulse_voltage"]
    mine = (run["branch"] == branch) & (run["initialising"] == 0)
    pulse, good = run["pulse"], run.mask()
    for first in np.flatnonzero(mine & (pulse == 1)):
        last = first
        while (
            last < run.n_rows
            and mine[last]
            and good[last]
            and (last == first or pulse[last] == pulse[last - 1] + 1)
        ):
            last += 1
        if good[first - 1] and last > first:
            yield Train(float(volts[first]), resistance[first - 1 : last])
