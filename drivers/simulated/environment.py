"""What surrounds the devices under test: magnetic field and temperature."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from labsyn.data.errors import ModelError


class Environment:
    """Field and temperature of a simulated bench, shared by instruments and devices.

    Devices look at it while they are advanced; whoever changes it goes through the
    setters, which first let the time pass that went by under the old values.

    A magnet is attached as a function that tells its field now, so that the field moves
    with the clock although nobody sends commands. A device that is advanced over an
    interval sees the field at its end; between two commands a coil moves one way only, so
    that is the largest field it has reached.

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
        self._watchers: list[Callable[[], None]] = []
        self._magnets: list[Callable[[], float]] = []
        self._field = 0.0
        self._temperature = 298.15

    def attach(self, magnet: Callable[[], float]) -> None:
        """Add a magnet: a function that returns its flux density now, in tesla."""
        with self.change():
            self._magnets.append(magnet)

    def watch(self, watcher: Callable[[], None]) -> None:
        """Have `watcher` called before each change, while the old values still hold."""
        self._watchers.append(watcher)

    @contextmanager
    def change(self) -> Iterator[None]:
        """Change something that surrounds the devices, such as the current of a coil."""
        for watcher in self._watchers:
            watcher()
        self._before()
        yield
        self._after()

    @property
    def field(self) -> float:
        """Magnetic flux density along the easy axis, in tesla.

        That of every magnet, and of what was set: a field that no instrument makes.
        """
        return self._field + math.fsum(magnet() for magnet in self._magnets)

    @field.setter
    def field(self, tesla: float) -> None:
        if not math.isfinite(tesla):
            raise ModelError(f"a field of {tesla:g} T is not finite")
        with self.change():
            self._field = tesla

    @property
    def temperature(self) -> float:
        """Temperature of the sample, in kelvin."""
        return self._temperature

    @temperature.setter
    def temperature(self, kelvin: float) -> None:
        if not 0 < kelvin < math.inf:
            raise ModelError(f"a temperature of {kelvin:g} K must be positive")
        with self.change():
            self._temperature = kelvin
