"""What the free-layer thickness decides in the SOT-MTJs of Kumar et al.

Nanoscale Horizons 9, 1522 (2024), https://doi.org/10.1039/d4nh00097h: a wedge of CoFeB from
1.6 to 2.6 nm. Where the paper prints only the ends of a dependence, what lies between is a
choice: straight lines, unless said otherwise.
"""

import math

import numpy as np

from labsyn.data.errors import ModelError

THINNEST, THICKEST = 1.6e-9, 2.6e-9
JUNCTION_AREA = math.pi / 4 * 250e-9 * 500e-9
"""Area of the elliptical cells, in square metre (section B)."""

_TMR_POINTS = ((1.6e-9, 33.8 / 25.2 - 1), (1.9e-9, 0.40), (2.6e-9, 0.78))


def tunnel_magnetoresistance(thickness: float) -> float:
    """Return ``(R_AP - R_P) / R_P``: 33.8/25.2 - 1 at 1.6 nm (figure 3b), 40 % at 1.9 nm
    and 78 % at 2.6 nm (figure 3f, "near-exponential": exponential in between).
    """  # noqa: D205
    places, values = zip(*_TMR_POINTS, strict=True)
    return float(np.exp(np.interp(_checked(thickness), places, np.log(values))))


def parallel_resistance(thickness: float) -> float:
    """Return R_P of one cell, in ohm: 25.2 kΩ at 1.6 nm (figure 3b).

    R_P and R_AP show "the same dome-like dependence" (figure 3f), within resistance-area
    products of 2.2 to 3.6 kΩ µm². A choice, for R_P: 23 kΩ at 2.6 nm, and a parabola to
    34 kΩ in the middle.
    """
    place = _fraction(thickness)
    return 25.2e3 - 2.2e3 * place + 4 * place * (1 - place) * 9.9e3


def exchange_field(thickness: float) -> float:
    """Return the shift of the minor loop, in tesla: 2.5 to 0.4 mT (figure 3e, film)."""
    return 2.5e-3 - 2.1e-3 * _fraction(thickness)


def critical_voltage(thickness: float, n_cells: int) -> float:
    """Return the voltage that switches from AP to P without field, in volt.

    0.7 to 2.0 V for one cell (figure 4c), 25 % more for three (printed: 20 to 30 %).
    """
    return (0.7 + 1.3 * _fraction(thickness)) * (1 + 0.125 * (n_cells - 1))


def breakdown_voltage(thickness: float, n_cells: int) -> float:
    """Return the average V_B, in volt: 1.8 to 2.0, 1.7 to 1.9 for 3 cells (figure 4h)."""
    return 1.8 + 0.2 * _fraction(thickness) - 0.05 * (n_cells - 1)


def channel_resistance(n_cells: int) -> float:
    """Return that of the write channel, in ohm: about 300, and 600 for 3 cells (section D)."""
    return 300.0 + 150.0 * (n_cells - 1)


def thermal_stability(thickness: float) -> float:
    """Return E_b / k_B T at 25 °C, dimensionless.

    A choice: 100 at 1.6 nm, and proportional to the volume, because the paper explains
    figures 4c and 4d by a larger factor in thicker layers.
    """
    return 100.0 * _checked(thickness) / THINNEST


def field_free_probability(thickness: float) -> float:
    """Return the share of devices that switch without any field.

    It falls to 0 at 2.6 nm (figure 4d); the heights of its bars are not printed, and 1 at
    1.6 nm is a choice.
    """
    return 1 - _fraction(thickness)


def _fraction(thickness: float) -> float:
    return (_checked(thickness) - THINNEST) / (THICKEST - THINNEST)


def _checked(thickness: float) -> float:
    """Return `thickness`; raise ModelError off the wedge."""
    if not THINNEST - 1e-15 <= thickness <= THICKEST + 1e-15:  # rounding is forgiven
        raise ModelError(
            f"CompoundMTJ: thickness is {1e9 * thickness:g} nm, the wedge has 1.6 to 2.6 nm"
        )
    return min(max(thickness, THINNEST), THICKEST)
