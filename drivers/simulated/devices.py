"""Devices under test by name, as bench files and resource manager arguments name them."""

import dataclasses
from typing import Any

from labsyn.data.errors import ConfigError
from labsyn.drivers.simulated.device import DeviceUnderTest
from labsyn.drivers.simulated.lixcoo2 import LixCoO2

DEVICES: dict[str, type[LixCoO2]] = {"lixcoo2": LixCoO2}


def make_device(name: str, seed: int = 0, **parameters: Any) -> DeviceUnderTest:
    """Return one device of the kind `name`, drawn with `seed`.

    Raises
    ------
    ConfigError
        If there is no such kind, or it has no such parameter.
    ModelError
        If a parameter is out of its range.
    """
    if name not in DEVICES:
        raise ConfigError(f"unknown device {name!r}, known are {', '.join(DEVICES)}")
    kind = DEVICES[name]
    known = [
        item.name for item in dataclasses.fields(kind) if item.init and item.name != "seed"
    ]
    for key in parameters:
        if key not in known:
            raise ConfigError(f"{name} has no parameter {key!r}, it has {', '.join(known)}")
    return kind.draw(seed, **parameters)
