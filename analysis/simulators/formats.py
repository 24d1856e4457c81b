"""The simulators that a fitted device can be written for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from labsyn.analysis.simulators.aihwkit_files import write_aihwkit
from labsyn.analysis.simulators.crosssim import write_crosssim
from labsyn.analysis.simulators.device import MeasuredDevice
from labsyn.analysis.simulators.neurosim import write_neurosim


class Writer(Protocol):
    """Writes a device to a new file or folder; returns files and what is to be said."""

    def __call__(
        self, device: MeasuredDevice, path: Path, *, force: bool
    ) -> tuple[list[Path], list[str]]:
        """Write; raise FitError if the simulator cannot express the device."""


@dataclass(frozen=True)
class DeviceFormat:
    """A format of a fitted device.

    Attributes
    ----------
    suffix : str
        Of the file, or of the folder.
    write : callable
        See `Writer`.
    """

    suffix: str
    write: Writer


DEVICE_FORMATS = {
    "aihwkit": DeviceFormat(".aihwkit.json", write_aihwkit),
    "crosssim": DeviceFormat(".crosssim", write_crosssim),
    "neurosim": DeviceFormat(".neurosim.json", write_neurosim),
}
