"""Devices under test by name, as bench files and resource manager arguments name them."""

import inspect
from typing import Any

from labsyn.data.errors import ConfigError
from labsyn.drivers.simulated.device import DeviceUnderTest
from labsyn.drivers.simulated.environment import Environment
from labsyn.drivers.simulated.fitted import FittedSynapse
from labsyn.drivers.simulated.lixcoo2 import LixCoO2
from labsyn.drivers.simulated.mtj import CompoundMTJ
from labsyn.drivers.simulated.titania import Titania

DEVICES: dict[str, type[LixCoO2 | Titania | CompoundMTJ | FittedSynapse]] = {
    "lixcoo2": LixCoO2,
    "titania": Titania,
    "mtj": CompoundMTJ,
    "fitted": FittedSynapse,
}


def make_device(
    name: str, seed: int = 0, *, environment: Environment | None = None, **parameters: Any
) -> DeviceUnderTest:
    """Return one device of the kind `name`, drawn with `seed`.

    Parameters
    ----------
    name : str
        A key of `DEVICES`.
    seed : int
        Of the device and its noise.
    environment : Environment, optional
        Field and temperature of the bench, for the devices that look at them.
    **parameters
        Of the device; a fitted one needs ``path``, its ``.fit.json``.

    Raises
    ------
    ConfigError
        If there is no such kind, it has no such parameter, or ``path`` is missing.
    DataFileError
        If ``path`` is no fit.
    ModelError
        If a parameter is out of its range.
    """
    if name not in DEVICES:
        raise ConfigError(f"unknown device {name!r}, known are {', '.join(DEVICES)}")
    kind = DEVICES[name]
    accepted = list(inspect.signature(kind).parameters)
    known = [key for key in accepted if key not in ("seed", "environment", "synapse")]
    if "synapse" in accepted:
        known.insert(0, "path")
        if "path" not in parameters:
            raise ConfigError(f"{name} needs a path, that of its .fit.json")
    for key in parameters:
        if key not in known:
            raise ConfigError(f"{name} has no parameter {key!r}, it has {', '.join(known)}")
    if "environment" in accepted and environment is not None:
        parameters["environment"] = environment
    return kind.draw(seed, **parameters)
