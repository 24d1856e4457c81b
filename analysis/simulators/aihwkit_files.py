"""The files of aihwkit: every configuration as JSON, and a snippet that makes them."""

import json
from pathlib import Path
from typing import Any

from labsyn.analysis.simulators.aihwkit import AihwkitDevice, aihwkit_devices
from labsyn.analysis.simulators.device import MeasuredDevice
from labsyn.data.exporters.target import check_new, write_new

CONVENTIONS = (
    "the weight w is -1 at g_min and 1 at g_max; soft bounds lie beyond both",
    "a pulse up is potentiation",
    "cycle-to-cycle noise of ExpStep is the same at every w, as labsyn measures it",
    "that of SoftBounds has the measured mean square of both directions",
    "that of PiecewiseStep has the measured mean square, and is in proportion to the step",
    "read noise is no part of a device: it is w_noise of rpu_config.forward",
)


def write_aihwkit(
    device: MeasuredDevice, path: Path, *, force: bool
) -> tuple[list[Path], list[str]]:
    """Write ``NAME.aihwkit.json`` and ``NAME.aihwkit.py``; return files and what is to be said.

    Raises
    ------
    FitError
        If no device of aihwkit is like this one.
    """
    devices, refused = aihwkit_devices(device)
    plain = {
        **device.describe("aihwkit"),
        "conventions": list(CONVENTIONS),
        "w_noise": 2 * device.synapse().sigma_read,
        "best": devices[0].kind,
        "devices": {
            it.kind: {
                "from": it.source,
                "verdict": it.verdict,
                "misfit": {branch: vars(misfit) for branch, misfit in it.misfit.items()},
                "parameters": it.parameters,
            }
            for it in devices
        },
        "refused": refused,
    }
    snippet = path.with_suffix(".py")
    for new in (path, snippet):
        check_new(new, force=force)
    files = [
        write_new(path, json.dumps(plain, indent=1), force=force),
        write_new(snippet, _snippet(plain, devices), force=force),
    ]
    said = [
        f"{it.kind}, misfit in {branch}: {misfit}"
        for it in devices
        for branch, misfit in it.misfit.items()
    ]
    return files, [*said, *(f"no {kind}: {why}" for kind, why in refused.items())]


def _snippet(plain: dict[str, Any], devices: list[AihwkitDevice]) -> str:
    said = [
        f"{plain['source']} (sha256 {plain['source_sha256']})",
        f"{plain['exported_by']}, {plain['exported']}",
        *plain["conventions"],
        *(f"no {kind}: {why}" for kind, why in plain["refused"].items()),
        *plain["notes"],
    ]
    kinds = ", ".join(sorted(it.kind for it in devices))
    return "\n".join(
        [
            '"""A measured device for aihwkit."""',
            "",
            *(f"# {' '.join(line.split())}" for line in said),
            "",
            f"from aihwkit.simulator.configs import SingleRPUConfig, {kinds}",
            "from aihwkit.simulator.parameters.enums import WeightNoiseType",
            "",
            *(line for it in devices for line in [*_call(it), ""]),
            f"rpu_config = SingleRPUConfig(device={_name(devices[0])})  # of least misfit",
            "rpu_config.forward.w_noise_type = WeightNoiseType.ADDITIVE_CONSTANT",
            f"rpu_config.forward.w_noise = {plain['w_noise']!r}",
            "",
        ]
    )


def _call(device: AihwkitDevice) -> list[str]:
    return [
        f"# {device.source}",
        *(f"# in {branch} it {verdict}" for branch, verdict in device.verdict.items()),
        *(f"# misfit in {branch}: {misfit}" for branch, misfit in device.misfit.items()),
        f"{_name(device)} = {device.kind}(",
        *(f"    {name}={value!r}," for name, value in device.parameters.items()),
        ")",
    ]


def _name(device: AihwkitDevice) -> str:
    return {
        "ExpStepDevice": "exp_step",
        "SoftBoundsDevice": "soft_bounds",
        "PiecewiseStepDevice": "piecewise_step",
    }[device.kind]
