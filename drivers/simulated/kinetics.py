"""How ions move in the simulated films: an exponential drive, and heat that speeds it up."""

import math

ROOM_TEMPERATURE = 298.15
BOLTZMANN = 8.617333262e-5  # eV/K
LARGEST_ENERGY = 5.0
"""Of an activation, in eV: beyond any solid, and a factor that still is a number."""
LARGEST_RELAXATION = 1e-3
"""Of one substep of drive and relaxation, in τ: the splitting error is its square."""
_FORGOTTEN = 25.0  # e^-25 of the beginning is left


def arrhenius(energy: float, kelvin: float) -> float:
    """Return the factor that an activation `energy`, in eV, gives over 25 °C."""
    return math.exp(energy / BOLTZMANN * (1 / ROOM_TEMPERATURE - 1 / kelvin))


def driven(progress: float, beta: float, push: float) -> float:
    r"""Return where :math:`\dot p = r\, e^{-β p}` leads, with `push` = r t.

    That is :math:`β^{-1} \ln(e^{β p} + β\, r t)`, and infinite where an accelerating branch
    (β below 0) passes every bound in finite time. Regular at β = 0.
    """
    reach = push * math.exp(-beta * progress)
    if beta * reach <= -1:
        return math.inf
    return progress + (math.log1p(beta * reach) / beta if beta else reach)


def remembered(seconds: float, decay: float) -> float:
    """Return `seconds`, or less if a film that decays so fast forgot how they began.

    `decay` is 1/τ, in 1/s.
    """
    return seconds if seconds * decay < _FORGOTTEN else _FORGOTTEN / decay
