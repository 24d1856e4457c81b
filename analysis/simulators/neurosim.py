"""Parameters of NeuroSim: MLP+NeuroSim's `RealDevice`, and the options of DNN+NeuroSim.

NL is signed as both programs want it: a depression that saturates, like most, has a
negative NL_D. Cycle-to-cycle noise is the standard deviation of one pulse; both add up n
pulses to sqrt(n) of it, as labsyn does.
"""

import json
from pathlib import Path
from typing import Any

from labsyn.analysis.estimate import Estimate
from labsyn.analysis.simulators.device import (
    BRANCHES,
    Branch,
    MeasuredDevice,
    Misfit,
    refuse_unless_siemens,
)
from labsyn.data.exporters.target import write_new

CONVENTIONS = (
    "x(p) = B (1 - exp(-p/A)), B = 1 / (1 - exp(-1/A)), p = pulse / levels",
    "x is 0 at Gmin and 1 at Gmax; depression runs back along the curve of its own A",
    "NL is the label of A in NeuroSim's getParamA, of the sign of A: NL_D < 0 saturates",
    "levels are pulses from one end to the other (maxNumLevel); there is one state more",
    "c2c is the standard deviation of one pulse as a fraction of Gmax - Gmin",
    "read_noise is relative to the conductance, given at (Gmin + Gmax) / 2",
    "d2d is the standard deviation of NL from device to device",
)


def write_neurosim(
    device: MeasuredDevice, path: Path, *, force: bool
) -> tuple[list[Path], list[str]]:
    """Write ``NAME.neurosim.json``; return files and what is to be said.

    Raises
    ------
    FitError
        If NeuroSim's law does not come near the device, or its conductances are not
        positive siemens.
    """
    plain = neurosim(device)
    written = write_new(path, json.dumps(plain, indent=1), force=force)
    said = [
        f"{name}: NeuroSim's law {device.relaxations[name].shape.verdict}" for name in BRANCHES
    ]
    return [written], [*said, plain["dnn_neurosim_train_py"]]


def neurosim(device: MeasuredDevice) -> dict[str, Any]:
    """Return the parameters, and the lines that set them; raise as `write_neurosim`."""
    refuse_unless_siemens(device, "NeuroSim")
    misfits = {name: _misfit(device, name) for name in BRANCHES}
    synapse = device.synapse()
    potentiation, depression = (device.relaxations[name] for name in BRANCHES)
    label = depression.label
    middle = (synapse.g_min + synapse.g_max) / 2
    parameters = {
        "NL_P": potentiation.label.to_dict(),
        "NL_D": Estimate(
            -label.value, label.standard_error, label.dof, source=label.source
        ).to_dict(),
        "A_P": _reciprocal(potentiation.bend),
        "A_D": _reciprocal(-depression.bend),
        "Gmax": synapse.g_max,
        "Gmin": synapse.g_min,
        "levels_P": synapse.n_potentiation,
        "levels_D": synapse.n_depression,
        "c2c": synapse.sigma_c2c,
        "d2d": synapse.sigma_d2d,
        "read_noise": synapse.sigma_read * synapse.g_range / middle,
    }
    return {
        **device.describe("neurosim"),
        "conventions": list(CONVENTIONS),
        "misfit": {name: vars(misfit) for name, misfit in misfits.items()},
        "verdict": {name: device.relaxations[name].shape.verdict for name in BRANCHES},
        "parameters": parameters,
        "mlp_neurosim_cell_cpp": _cell_lines(parameters),
        "dnn_neurosim_train_py": _options(parameters),
    }


def _misfit(device: MeasuredDevice, name: Branch) -> Misfit:
    step = device.relaxations[name].step(device.branch(name).n_pulses)
    return device.misfit(name, step, "NeuroSim's law")


def _reciprocal(bend: float) -> float | None:
    return 1 / bend if bend else None


def _cell_lines(parameters: dict[str, Any]) -> list[str]:
    """Return the lines of RealDevice in Cell.cpp that set these parameters."""
    c2c = f"{parameters['c2c']:.6g} * (maxConductance - minConductance)"
    values = {
        "maxConductance": f"{parameters['Gmax']:.6g}",
        "minConductance": f"{parameters['Gmin']:.6g}",
        "maxNumLevelLTP": parameters["levels_P"],
        "maxNumLevelLTD": parameters["levels_D"],
        "NL_LTP": f"{parameters['NL_P']['value']:.2f}",
        "NL_LTD": f"{parameters['NL_D']['value']:.2f}",
        "sigmaDtoD": f"{parameters['d2d']:g}",
        "sigmaCtoC": c2c,
        "sigmaReadNoise": f"{parameters['read_noise']:.4g}",
    }
    return [f"{name} = {value};" for name, value in values.items()]


def _options(parameters: dict[str, Any]) -> str:
    levels = min(parameters["levels_P"], parameters["levels_D"])  # it knows one number
    return (
        f"--nonlinearityLTP {parameters['NL_P']['value']:.2f} "
        f"--nonlinearityLTD {parameters['NL_D']['value']:.2f} --max_level {levels} "
        f"--d2dVari {parameters['d2d']:g} --c2cVari {parameters['c2c']:.4g}"
    )
