"""A resistance behind a reference resistor: what a divider measures, and how well.

A source of voltage U drives the reference resistor R_ref and the device R in series. The
voltage is measured across the device, V, or across the reference resistor, U - V::

    I = (U - V) / R_ref,    R = V / I = R_ref V / (U - V)

V / I with the voltage of the source for V is wrong by R_ref. Uncertainties are standard
uncertainties, propagated to first order (JCGM 100:2008, 5.1.2); limits of a data sheet are
taken as a rectangular distribution (4.3.7).
"""

import math
from dataclasses import dataclass
from typing import Literal

Across = Literal["device", "reference"]

_BOLTZMANN = 1.380649e-23  # J/K
_ROOM = 298.15  # kelvin


def rectangular(limit: float) -> float:
    """Return the standard uncertainty of what lies anywhere within plus or minus `limit`."""
    return limit / math.sqrt(3)


def combined(uncertainties: dict[str, float]) -> float:
    """Return the root of the sum of squares of independent standard uncertainties."""
    return math.hypot(*uncertainties.values())


@dataclass(frozen=True, kw_only=True)
class Divider:
    """A reference resistor in series with a device.

    Attributes
    ----------
    reference : float
        R_ref in ohm.
    reference_uncertainty : float
        Of it, relative, one standard deviation.
    across : {"device", "reference"}
        What the voltage is measured across.
    """

    reference: float
    reference_uncertainty: float = 0.0
    across: Across = "device"

    def device(self, source: float, measured: float) -> tuple[float, float]:
        """Return voltage and current of the device, in volt and ampere.

        `source` is U, `measured` the voltage across what `across` names, both in volt.
        """
        flowing = source - measured if self.across == "device" else measured
        return source - flowing, flowing / self.reference

    def uncertainties(
        self,
        source: float,
        measured: float,
        *,
        source_uncertainty: float,
        input_uncertainty: float,
        noise_density: float = 0.0,
        bandwidth: float = 0.0,
    ) -> dict[str, float]:
        """Return the standard uncertainties of R, in ohm, by their cause.

        Parameters
        ----------
        source, measured : float
            In volt, as for `device`.
        source_uncertainty, input_uncertainty : float
            Standard uncertainties of the source and of the gain of the input, relative.
        noise_density : float
            Of the input, in volt per root hertz; the thermal noise of device and reference
            resistor in parallel at 298 K is added.
        bandwidth : float
            In which noise is seen, in hertz.

        Returns
        -------
        dict
            ``reference``, ``source``, ``input`` and ``noise``; all infinite for an open
            device.
        """
        volts, current = self.device(source, measured)
        if not current:
            return dict.fromkeys(("reference", "source", "input", "noise"), math.inf)
        resistance, over_reference = volts / current, self.reference * current
        by_input = self.reference * source / over_reference**2  # |dR / d measured|
        by_source = resistance if self.across == "device" else self.reference
        by_source /= over_reference  # |dR / dU| at a fixed reading
        parallel = abs(resistance) * self.reference / (abs(resistance) + self.reference)
        density = math.hypot(noise_density, math.sqrt(4 * _BOLTZMANN * _ROOM * parallel))
        return {
            "reference": abs(resistance) * self.reference_uncertainty,
            "source": abs(by_source * source) * source_uncertainty,
            "input": abs(by_input * measured) * input_uncertainty,
            "noise": abs(by_input) * density * math.sqrt(bandwidth),
        }
