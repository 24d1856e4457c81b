"""CrossSim: lookup tables of ΔG over conductance and probability, and the measured ramps.

The tables hold the mean step of the fitted law (of the mean curve where no law describes it)
and the cycle-to-cycle noise as a Gaussian: read noise, which is none of the device's states,
is not in them. CrossSim's own script makes tables of ``set.csv`` and ``reset.csv`` without a
model; set its `read_voltage` to 1, because they hold conductances.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from labsyn.analysis.branch import complete_cycles
from labsyn.analysis.devices.laws import FloatArray
from labsyn.analysis.simulators.device import MeasuredDevice, refuse_unless_siemens
from labsyn.analysis.simulators.steps import Steps, branch_steps
from labsyn.data.exporters.target import check_new, write_new

_N_BINS = 50
_N_PROBABILITIES = 101
_HEADER = (
    "1st Row = Gbins, 2nd Row = CDF Points, 3rd row onward =  dG matrix (rows= CDF, columns = "
    "Gbins)"
)
CONVENTIONS = (
    "dG_….txt: conductance bins in S, cumulative probabilities, dG in S",
    "a row of dG is a probability, a column a bin; where it decreases dG is negative",
    "a row is the mean of its interval of probability, so that the noise has mean 0",
    "dG is the step of one pulse with the cycle-to-cycle noise of the device, no read noise",
    "set.csv, reset.csv: S before the first pulse, then after each; a column is a cycle",
    "CrossSim's create_lookup_table.py wants read_voltage = 1 for set.csv and reset.csv",
)


def write_crosssim(
    device: MeasuredDevice, path: Path, *, force: bool
) -> tuple[list[Path], list[str]]:
    """Write tables, ramps and ``origin.json`` into the folder `path`; return as `Writer` does.

    Raises
    ------
    FitError
        If the conductances are not positive siemens, or no table makes the measured curve.
    """
    refuse_unless_siemens(device, "CrossSim")
    up, down = branch_steps(device, "potentiation"), branch_steps(device, "depression")
    curves = device.curves
    origin = device.describe("crosssim") | {
        "conventions": list(CONVENTIONS),
        "misfit": {"potentiation": vars(up.misfit), "depression": vars(down.misfit)},
        "steps_from": {"potentiation": up.source, "depression": down.source},
        "sigma_c2c": device.synapse().sigma_c2c,
    }
    texts = {
        "dG_increasing.txt": _table(device, up, 1.0),
        "dG_decreasing.txt": _table(device, down, -1.0),
        "set.csv": _ramps(complete_cycles(curves.potentiation, "potentiation")[0]),
        "reset.csv": _ramps(complete_cycles(curves.depression, "depression")[0]),
        "origin.json": json.dumps(origin, indent=1),
    }
    for name in texts:
        check_new(path / name, force=force)
    files = [write_new(path / name, text, force=force) for name, text in texts.items()]
    return files, [
        f"steps of {name}: {steps.source}, misfit {steps.misfit}"
        for name, steps in (("potentiation", up), ("depression", down))
    ]


def _table(device: MeasuredDevice, steps: Steps, sign: float) -> str:
    synapse, fit = device.synapse(), device.fit
    part = np.linspace(0, 1, _N_BINS)
    probability = np.linspace(0, 1, _N_PROBABILITIES)
    mean = sign * np.interp(part, steps.conductance, steps.size)
    noise = synapse.sigma_c2c * _normal_rows(_N_PROBABILITIES)
    matrix = synapse.g_range * (mean[None, :] + noise[:, None])
    said = (
        f"; from {Path(fit.source).name} (sha256 {fit.source_sha256}), {steps.source}, misfit "
        f"{steps.misfit}"
    )
    lines = [
        _HEADER + said.replace("\n", " "),
        _row(synapse.g_min + synapse.g_range * part),
        _row(probability),
        "",
        *map(_row, matrix),
    ]
    return "\n".join(lines) + "\n"


def _normal_rows(n: int) -> FloatArray:
    """Return the standard normal at n probabilities: its mean over the interval of each."""
    from scipy.special import ndtri

    edges = np.concatenate([[0.0], (np.arange(n - 1) + 0.5) / (n - 1), [1.0]])
    density = np.exp(-0.5 * ndtri(edges) ** 2) / np.sqrt(2 * np.pi)  # 0 at both ends
    return np.asarray(-np.diff(density) / np.diff(edges))


def _row(values: FloatArray) -> str:
    return ",".join(f"{value:.16e}" for value in values)


def _ramps(cycles: Sequence[FloatArray]) -> str:
    head = ",".join(f"rmp{i + 1}" for i in range(len(cycles)))
    rows = [",".join(repr(float(value)) for value in row) for row in np.transpose(cycles)]
    return "\n".join([head, *rows]) + "\n"
