"""Every driver by the name that a bench file uses; loaded when one is needed."""

import inspect
from importlib import import_module
from typing import Any

from labsyn.data.errors import ConfigError
from labsyn.drivers.clock import Clock

_HOMES = {
    "KeysightB1500A": "labsyn.drivers.keysight_b1500a",
    "Keithley3706A": "labsyn.drivers.keithley3706a",
    "Keysight81160A": "labsyn.drivers.keysight81160a",
    "Agilent33250A": "labsyn.drivers.agilent33250a",
    "Agilent33220A": "labsyn.drivers.agilent33250a",
    "Agilent33500": "labsyn.drivers.agilent33500",
    "SR830": "labsyn.drivers.sr830",
    "SR860": "labsyn.drivers.sr860",
    "KepcoBOP": "labsyn.drivers.kepco_bop",
    "LakeShore425": "labsyn.drivers.lakeshore425",
}
DRIVERS = tuple(_HOMES)
"""Names of all drivers."""


def driver(name: str) -> Any:
    """Return the driver class called `name`; raise ConfigError if there is none."""
    if name not in _HOMES:
        raise ConfigError(f"there is no driver {name!r}; known are {', '.join(DRIVERS)}")
    return getattr(import_module(_HOMES[name]), name)


def open_driver(
    name: str, resource: str, library: Any, clock: Clock, options: dict[str, Any]
) -> Any:
    """Open the instrument at `resource`; one that has to wait does so on `clock`."""
    kind = driver(name)
    if "clock" in inspect.signature(kind).parameters:
        options = {**options, "clock": clock}
    if resource.upper().endswith("::SOCKET"):  # a stream has no end of message but a line's
        options = {**options, "tcpip": {"read_termination": "\n", "write_termination": "\n"}}
    return kind(resource, visa_library=library, **options)
