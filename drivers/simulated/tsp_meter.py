"""The multimeter of a simulated 3706A on the wiring: what it reads on its measure path.

Ranges are those of the data sheet; test currents are near it, and the noise is a choice.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from labsyn.data.errors import ConfigError
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.device import DeviceUnderTest
from labsyn.drivers.simulated.tsp_relays import DMM_HIGH, DMM_LOW, Relays
from labsyn.drivers.simulated.wiring import Wiring

OVERFLOW = 9.9e37
RANGES = {
    "dcvolts": (0.1, 1.0, 10.0, 100.0, 300.0),
    "acvolts": (0.1, 1.0, 10.0, 100.0, 300.0),
    "dccurrent": (1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 3.0),
    "accurrent": (1e-3, 1e-2, 0.1, 1.0, 3.0),
    "twowireohms": (1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8),
    "fourwireohms": (1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8),
    "continuity": (1e3,),
    "frequency": (300.0,),
    "period": (300.0,),
    "temperature": (1000.0,),
}
"""Ranges by function, in its unit (of the input voltage for frequency and period)."""

LARGEST = {
    "dcvolts": 303.0, "acvolts": 303.0, "dccurrent": 3.1, "accurrent": 3.1,
    "twowireohms": 120e6, "fourwireohms": 120e6,
}  # fmt: skip
"""Full scale of the highest range, for the functions whose range can be set."""

_TEST_CURRENTS = dict(
    zip(
        RANGES["twowireohms"],
        (10e-3, 10e-3, 1e-3, 1e-3, 100e-6, 10e-6, 10e-6, 0.7e-6, 0.07e-6),
        strict=True,
    )
)
_OPEN_VOLTAGE = 12.0
_DRY_VOLTAGE = 20e-3  # dry circuit ohms
_OVERRANGE = 1.2
_NOISE = 1e-6  # of the range, for one power line cycle

Place = tuple[DeviceUnderTest, str]


class Meter:
    """Reads volts and ohms of the devices that the relays connect it to.

    Parameters
    ----------
    wiring, clock, relays : Wiring, VirtualClock, Relays
        What it measures on, when, and through what.
    address : str
        Its outputs are the sources ``"<address>/dmm"`` and ``"<address>/dmm-low"``.
    rng : numpy.random.Generator
        Draws the noise.

    Attributes
    ----------
    dmm_closed : list of str
        Channels that ``dmm.close`` has put on the measure path.
    connect : int
        Which relays between the multimeter and the backplane are closed: 1 for two
        wires, 2 for the sense wires, 4 for ampere.
    used_range : float
        Range of the latest reading.
    overloaded : bool
        Whether every reading overflows, whatever is connected.
    """

    def __init__(
        self,
        wiring: Wiring,
        clock: VirtualClock,
        relays: Relays,
        address: str,
        rng: np.random.Generator,
    ) -> None:
        self._wiring, self._clock, self._relays = wiring, clock, relays
        self._high, self._low = f"{address}/{DMM_HIGH}", f"{address}/{DMM_LOW}"
        self._rng = rng
        self.dmm_closed: list[str] = []
        self.connect = 7
        self.used_range = 0.0
        self.overloaded = False

    def read(self, function: str, scale: float, aperture: float, *, dry: bool = False) -> float:
        """Return one reading in the unit of `function`, after `aperture` seconds.

        `scale` is the range, 0 for automatic. `OVERFLOW` is what cannot be measured. No
        alternating signal and no ampere path reaches the inputs of this bench: those
        functions read zero, and a thermocouple is always open.
        """
        if function in ("twowireohms", "fourwireohms", "continuity"):
            sensed = function == "fourwireohms"
            value, used = self._ohms(scale, aperture, sensed=sensed, dry=dry)
        else:
            self._clock.sleep(aperture)
            value = self._volts() if function == "dcvolts" else 0.0
            if function == "temperature":
                value = OVERFLOW
            used = scale or best_range(function, value)
        self.used_range = used
        most = min(_OVERRANGE * used, LARGEST.get(function, math.inf))
        if self.overloaded or abs(value) > most:
            return OVERFLOW
        cycles = max(aperture * 60, 1e-3)
        return value + float(self._rng.normal(0.0, _NOISE * used / math.sqrt(cycles)))

    def _place(self, source: str) -> Place | None:
        """Return the terminal that the HI or LO input reaches, None for none."""
        closed = [name for name in self._relays.all_closed if name in self._relays.paths]
        leading = [n for n in closed if self._relays.paths[n][0] == source]
        if source == DMM_HIGH:
            leading += [n for n in closed if n in self.dmm_closed and n not in leading]
        for name in leading:
            if self.connect & 1 and self._relays.is_closed(f"{name[0]}911"):
                return self._relays.paths[name][1:]
        return None

    def _volts(self) -> float:
        high, low = self._place(DMM_HIGH), self._place(DMM_LOW)
        if high is None:
            return 0.0  # nothing connected: what is left is noise
        return self._at(high) - (self._at(low) if low is not None else 0.0)

    def _at(self, place: Place) -> float:
        """Return the volts of a terminal against ground, without a load on it."""
        volts = self._wiring.potential(*place)
        if volts is not None:
            return volts
        with self._on(self._high, place):
            self._wiring.drive_current(self._high, 0.0, RANGES["dcvolts"][-1])
            return self._wiring.voltage(self._high) or 0.0

    def _ohms(
        self, scale: float, aperture: float, *, sensed: bool, dry: bool
    ) -> tuple[float, float]:
        """Return ohms and the range they were measured on."""
        high = self._place(DMM_HIGH)
        if high is None or (sensed and not self._sensed()):
            self._clock.sleep(aperture)
            return OVERFLOW, RANGES["twowireohms"][-1]
        with self._on(self._low, self._place(DMM_LOW)) as held:
            if held:
                self._wiring.drive(self._low, 0.0)
            with self._on(self._high, high) as connected:
                if not connected:
                    return 0.0, scale or 1.0  # tied to ground
                if scale:
                    return self._resistance(scale, aperture, dry=dry), scale
                return self._autoranged(aperture, dry=dry)

    def _autoranged(self, aperture: float, *, dry: bool) -> tuple[float, float]:
        """Return ohms and the lowest range that holds them with its own test current."""
        highest = RANGES["twowireohms"][-1]
        scale = best_range("twowireohms", self._resistance(highest, 0.0, dry=dry))
        ohms = self._resistance(scale, aperture, dry=dry)
        while ohms > _OVERRANGE * scale and scale < highest:
            scale = best_range("twowireohms", 1.01 * scale)
            ohms = self._resistance(scale, aperture, dry=dry)
        return ohms, scale

    def _resistance(self, scale: float, aperture: float, *, dry: bool) -> float:
        amperes = _TEST_CURRENTS[scale]
        limit = _DRY_VOLTAGE if dry else _OPEN_VOLTAGE
        self._wiring.drive_current(self._high, amperes, limit)
        self._clock.sleep(aperture)
        volts = self._wiring.voltage(self._high)
        if volts is None or self._wiring.in_compliance(self._high):
            return OVERFLOW
        return volts / amperes

    def _sensed(self) -> bool:
        """Tell whether the sense wires are connected: analog backplane 2 of either bank."""
        relays = self._relays.all_closed
        return bool(self.connect & 2) and any(name[1:] in ("912", "922") for name in relays)

    @contextmanager
    def _on(self, source: str, place: Place | None) -> Iterator[bool]:
        """Connect one input for a moment; yields False where it reaches no free terminal."""
        if place is None:
            yield False
            return
        try:
            self._wiring.connect(source, *place)
        except ConfigError:
            yield False
            return
        try:
            yield True
        finally:
            self._wiring.release(source)
            self._wiring.disconnect(source)


def best_range(function: str, value: float) -> float:
    """Return the lowest range that holds `value`, the highest if none does."""
    ranges = RANGES[function]
    return next((r for r in ranges if abs(value) <= r), ranges[-1])
