"""What surrounds the devices under test: magnetic field and temperature."""

import math
from collections.abc import Callable

from labsyn.data.errors import ModelError


class Environment:
    """Field and temperature of a simulated bench, shared by instruments and devices.

    Devices look at it while they are advanced; whoever changes it goes through the
    setters, which first let the time pass that went by under the old values.

    Parameters
    ----------
    before, after : callable, optional
        Called around each change, such as `Wiring.advance_all` and `Wiring.apply_all`.
    """

    def __init__(
        self,
        before: Callable[[], None] = lambda: None,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        self._before, self._after = before, after
        self._field = 0.0
        self._temperature = 298.15

    @property
    def field(self) -> float:
        """Magnetic flux density along the easy axis, in tesla."""
        return self._field

    @field.setter
    def field(self, tesla: float) -> None:
        if not math.isfinite(tesla):
            raise ModelError(f"a field of {tesla:g} T is not finite")
        self._before()
        self._field = tesla
        self._after()

    @property
    def temperature(self) -> float:
        """Temperature of the sample, in kelvin."""
        return self._temperature

    @temperature.setter
    def temperature(self, kelvin: float) -> None:
        if not 0 < kelvin < math.inf:
            raise ModelError(f"a temperature of {kelvin:g} K must be positive")
        self._before()
        self._temperature = kelvin
        self._after()
