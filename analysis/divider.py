"""A resistance behind a reference resistor: what a divider measures, and how well.

A source of voltage U drives the reference resistor R_ref and the device R in series. The
voltage is measured across the device, V, or across the reference resistor, U - V::

    I = (U - V) / R_ref - V / R_in,    R = V / I

The input hangs between the two, and takes its share: its resistance R_in, 10 MΩ of a
lock-in, is in parallel with the device, whichever the voltage is measured across. V / I with
the voltage of the source for V is wrong by R_ref. Uncertainties are standard
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
    input_resistance : float
        R_in in ohm.
    """

    reference: float
    reference_uncertainty: float = 0.0
    across: Across = "device"
    input_resistance: float = math.inf

    def device(self, source: float, measured: float) -> tuple[float, float]:
        """Return voltage and current of the device, in volt and ampere.

        `source` is U, `measured` the voltage across what `across` names, both in volt.
        """
        volts = measured if self.across == "device" else source - measured
        return volts, (source - volts) / self.reference - volts / self.input_resistance

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
            Of the input, in volt per root hertz; the thermal noise of device, reference
            resistor and input in parallel at 298 K is added.
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
        resistance, over_reference = volts / current, source - volts
        arriving = over_reference / self.reference  # the device's current and the input's
        seen = volts / arriving  # device and input in parallel
        share = (arriving / current) ** 2  # dR / d seen
        by_input = share * self.reference * source / over_reference**2  # |dR / d measured|
        by_source = seen if self.across == "device" else self.reference
        by_source *= share / over_reference  # |dR / dU| at a fixed reading
        behind = 1 / (1 / self.reference + 1 / self.input_resistance)
        parallel = abs(resistance) * behind / (abs(resistance) + behind)
        density = math.hypot(noise_density, math.sqrt(4 * _BOLTZMANN * _ROOM * parallel))
        return {
            "reference": abs(seen) * share * self.reference_uncertainty,
            "source": abs(by_source * source) * source_uncertainty,
            "input": abs(by_input * measured) * input_uncertainty,
            "noise": abs(by_input) * density * math.sqrt(bandwidth),
        }
