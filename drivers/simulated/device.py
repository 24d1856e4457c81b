"""What a device under test must do to be wired to simulated instruments."""

from collections.abc import Mapping
from typing import Protocol

Voltages = Mapping[str, float | None]
"""Volts at each terminal; None where the terminal floats."""


class DeviceUnderTest(Protocol):
    """A device that answers with currents and changes with time.

    Physics only: it knows neither instruments nor clocks. At constant state the current
    into a terminal must not fall when that terminal's voltage rises (a passive device):
    that is how a source in compliance finds its voltage.
    """

    @property
    def terminals(self) -> tuple[str, ...]:
        """Names of the terminals."""

    def advance(self, voltages: Voltages, seconds: float) -> None:
        """Let `seconds` pass under constant terminal `voltages`.

        Zero seconds is a stress that has begun: what breaks at once breaks then.
        """

    def currents(self, voltages: Voltages) -> dict[str, float]:
        """Return the current into each terminal in ampere, without noise."""

    def measured_currents(self, voltages: Voltages) -> dict[str, float]:
        """Return the current into each terminal in ampere, with fresh noise each call."""


def two_terminal_voltage(voltages: Voltages) -> float:
    """Return ``V(top) - V(bottom)`` in volt, 0 when a terminal floats: no current passes."""
    top, bottom = voltages["top"], voltages["bottom"]
    return 0.0 if top is None or bottom is None else top - bottom
