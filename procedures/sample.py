"""What is said of a sample: its temperature is stored as a number in kelvin.

Who heats the sample is no part of a bench, so its temperature is what somebody says it is.
"""

import math
from collections.abc import Mapping
from typing import Any

from labsyn.data.errors import ConfigError, UnitError
from labsyn.data.run import RunWriter
from labsyn.data.units import parse_quantity

_SAME = 0.01  # K


def described(sample: Mapping[str, Any]) -> dict[str, Any]:
    """Return `sample` with its ``temperature``, if it has one, as a float in kelvin.

    A number is in kelvin, a text may have a unit: ``"323.15 K"``, ``"50 °C"``. An empty text
    says nothing, and stays.

    Raises
    ------
    ConfigError
        If it is no temperature above 0 K.
    """
    told = dict(sample)
    given = told.get("temperature", "")
    if given == "":
        return told
    try:
        kelvin = parse_quantity(given, "K")
    except (UnitError, TypeError, ValueError):
        kelvin = math.nan
    if not kelvin > 0:
        raise ConfigError(
            f"the temperature of the sample is {given!r}; it is in kelvin or has a unit: "
            "323.15, '323.15 K', '50 °C'"
        )
    told["temperature"] = kelvin
    return told


def tell_temperature(writer: RunWriter, kelvin: float, truth: Mapping[str, Any] | None) -> None:
    """Store that somebody said so, and if a simulated device is at another one."""
    writer.event("temperature", f"the sample is said to be at {kelvin:g} K", temperature=kelvin)
    at = (truth or {}).get("temperature", kelvin)
    if abs(at - kelvin) > _SAME:
        writer.event(
            "warning",
            f"the simulated device is at {at:g} K, not at the {kelvin:g} K that the sample is "
            "said to be at",
        )
