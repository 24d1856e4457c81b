"""What the multimeter of a simulated 3706A is set to: a function, and settings kept for each.

3700A Reference Manual, sections 6 and 11. A setting that a function does not have reads nil,
and cannot be assigned while that function is selected.
"""

from dataclasses import dataclass, replace

from labsyn.drivers.simulated.tsp_errors import (
    PARAMETER,
    SETTINGS_CONFLICT,
    TspError,
    integer_argument,
    number_argument,
    text_argument,
)
from labsyn.drivers.simulated.tsp_meter import LARGEST, RANGES, best_range
from labsyn.drivers.simulated.tsp_sandbox import TspSandbox

LINE_FREQUENCY = 60.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is kept for each function; the bounds stand in `_BOUNDS`."""

    range: float
    nplc: float = 1.0
    autorange: float = 1
    autozero: float = 1
    autodelay: float = 1
    linesync: float = 0
    drycircuit: float = 0
    offsetcompensation: float = 0
    filter_enable: float = 0
    filter_count: float = 10
    filter_type: float = 1
    rel_enable: float = 0
    rel_level: float = 0.0


_BOUNDS = {
    "nplc": (5e-4, 15), "autorange": (0, 1), "autozero": (0, 1), "autodelay": (0, 2),
    "linesync": (0, 1), "drycircuit": (0, 1), "offsetcompensation": (0, 1),
    "filter_enable": (0, 1), "filter_count": (1, 100), "filter_type": (0, 1),
    "rel_enable": (0, 1), "rel_level": (-1.2e8, 1.2e8),
}  # fmt: skip
_REAL = ("nplc", "rel_level")
_COUNTERS = ("frequency", "period")
_LACKING = {
    "range": set(RANGES) - set(LARGEST),
    "autorange": set(RANGES) - set(LARGEST),
    "nplc": {*_COUNTERS, "continuity"},
    "aperture": {"continuity"},
    "rel_enable": {"continuity"},
    "rel_level": {"continuity"},
    "drycircuit": set(RANGES) - {"fourwireohms"},
    "offsetcompensation": set(RANGES) - {"fourwireohms"},
}
"""Functions that do not have a setting."""
_COUNTER_APERTURES = (0.01, 0.273)


class DmmSettings:
    """The function, and what is set for each.

    Attributes
    ----------
    function : str
        What is measured.
    measure_count : int
        Readings of one ``dmm.measure``.
    """

    SAVED = ("function", "measure_count", "_of_function")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Return to the state after power-on."""
        self.function = "dcvolts"
        self.measure_count = 1
        self._of_function = {name: defaults(name) for name in RANGES}

    @property
    def now(self) -> Settings:
        """The settings of the present function."""
        return self._of_function[self.function]

    @property
    def aperture(self) -> float:
        """Seconds of one reading."""
        return self.now.nplc / LINE_FREQUENCY

    def change(self, **values: float) -> None:
        """Set `values` for the present function."""
        self._of_function[self.function] = replace(self.now, **values)

    def recall(self, function: str, settings: Settings) -> None:
        """Select `function` with these settings."""
        self.function = function
        self._of_function[function] = settings

    def install(self, sandbox: TspSandbox) -> None:
        """Make the attributes known to scripts."""
        sandbox.attribute("dmm.func", lambda: self.function, self._set_function)
        sandbox.attribute("dmm.measurecount", lambda: self.measure_count, self._set_count)
        sandbox.attribute("dmm.range", self._get_range, self._set_range)
        sandbox.attribute("dmm.aperture", self._get_aperture, self._set_aperture)
        for name in _BOUNDS:
            self._install_setting(sandbox, name)

    def _install_setting(self, sandbox: TspSandbox, name: str) -> None:
        low, high = _BOUNDS[name]

        def read() -> float | None:
            return float(getattr(self.now, name)) if self._has(name) else None

        def write(value: object) -> None:
            self._require(name)
            if name in _REAL:
                self.change(**{name: number_argument(value, low, high, name)})
            else:
                self.change(**{name: integer_argument(value, int(low), int(high), name)})

        sandbox.attribute(f"dmm.{name.replace('_', '.')}", read, write)

    def _has(self, name: str) -> bool:
        return self.function not in _LACKING.get(name, ())

    def _require(self, name: str) -> None:
        if not self._has(name):
            raise TspError(SETTINGS_CONFLICT, f"no {name} with function {self.function}")

    def _set_function(self, value: object) -> None:
        name = text_argument(value, "function")
        if name not in RANGES:
            raise TspError(PARAMETER, f"function {name} not supported")
        self.function = name

    def _set_count(self, value: object) -> None:
        self.measure_count = integer_argument(value, 1, 450_000, "measurecount")

    def _get_range(self) -> float | None:
        if not self._has("range"):
            return None
        highest = self.now.range == RANGES[self.function][-1]
        return LARGEST[self.function] if highest else self.now.range

    def _set_range(self, value: object) -> None:
        self._require("range")
        wanted = number_argument(value, 0, LARGEST[self.function], "range")
        self.change(range=best_range(self.function, wanted), autorange=0)

    def _get_aperture(self) -> float | None:
        return self.aperture if self._has("aperture") else None

    def _set_aperture(self, value: object) -> None:
        self._require("aperture")
        low, high = (bound / LINE_FREQUENCY for bound in _BOUNDS["nplc"])
        if self.function in _COUNTERS:
            low, high = _COUNTER_APERTURES
        self.change(nplc=number_argument(value, low, high, "aperture") * LINE_FREQUENCY)


def defaults(function: str) -> Settings:
    """Return what `function` is set to after power-on."""
    return Settings(range=RANGES[function][-1])
