"""Waveforms of a function generator as steps: what a device under test can be driven with."""

import math
from collections.abc import Sequence

N_STEPS = 32
"""Steps of one cycle of a smooth waveform: a choice."""


def steps(
    shape: str, duty: float, symmetry: float, points: Sequence[float]
) -> list[tuple[float, float]]:
    """Return one cycle as (share of the period, -1 to 1).

    Pulses and squares have two steps: edges are steps at their middle, so that the time at
    a level, and with it what a device feels, is right as long as a pulse is much longer
    than its edges. Sine and ramps are cut into `N_STEPS`. Noise is not simulated: it is a
    constant 0, as DC is.

    Parameters
    ----------
    shape : str
        Short form of the shape.
    duty : float
        Share of the period at the high level, 0 to 1.
    symmetry : float
        Share of the period in which a ramp rises, 0 to 1.
    points : sequence of float
        Of an arbitrary waveform, -1 to 1.
    """
    phases = [(step + 0.5) / N_STEPS for step in range(N_STEPS)]
    match shape:
        case "PULS" | "SQU":
            return [(duty, 1.0), (1 - duty, -1.0)]
        case "SIN":
            return [(1 / N_STEPS, math.sin(2 * math.pi * phase)) for phase in phases]
        case "RAMP" | "TRI":
            return [(1 / N_STEPS, _ramp(phase, symmetry)) for phase in phases]
        case "USER" | "ARB":
            return [(1 / len(points), y) for y in points]
    return [(1.0, 0.0)]


def begun_at(cycle: list[tuple[float, float]], start: float) -> list[tuple[float, float]]:
    """Return `cycle` begun at the share `start` (0 to below 1) of it: it ends there too."""
    at = 0.0
    for index, (share, y) in enumerate(cycle):
        if at + share > start:
            head, tail = (at + share - start, y), (start - at, y)
            return [head, *cycle[index + 1 :], *cycle[:index], tail]
        at += share
    return cycle


def first(shape: str, symmetry: float, points: Sequence[float], start: float) -> float:
    """Return the level at which a cycle begins, -1 to 1, for the parameters of `steps`.

    At phase 0 sine and ramps cross 0 and an arbitrary waveform has its first point (Agilent
    33220A User's Guide, ``BURSt:PHASe``); pulses and squares are about to rise.
    """
    match shape:
        case "PULS" | "SQU":
            return -1.0
        case "SIN":
            return math.sin(2 * math.pi * start)
        case "RAMP" | "TRI":
            return _ramp(start, symmetry)
        case "USER" | "ARB":
            return points[int(start * len(points))]
    return 0.0


def rms_factor(shape: str) -> float:
    """Return the ratio of peak-to-peak to effective value."""
    return {"SIN": 2 * math.sqrt(2), "SQU": 2.0, "PULS": 2.0}.get(shape, 2 * math.sqrt(3))


def _ramp(phase: float, rising: float) -> float:
    """Return a ramp that crosses 0 upwards at phase 0 and rises for the share `rising`."""
    phase = (phase + rising / 2) % 1.0
    if phase < rising:
        return 2 * phase / rising - 1
    return 1 - 2 * (phase - rising) / (1 - rising)
