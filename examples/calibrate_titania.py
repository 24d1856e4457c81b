"""Calibrate the simulated TiO2-x memristor to the feedforward pulses of its paper.

Diao et al., Nanoscale Horizons 10, 780 (2025), print for pulses of 0.8 s, chosen for each
resistance so that 0.1 Ω < |ΔR| < 0.3 Ω: 494 ± 11 events and 240.7 mW on average from
880 Ω to 740 Ω (potentiation), 579 ± 17 events and 114.6 mW back (depression). How the
voltage is chosen inside that window is not printed; here it is the largest of the fifteen
voltages of figure 2 whose |ΔR|, known from a device without noise, is below 0.3 Ω.

Seven numbers are found, in this order, and printed; the rest of the model is a choice:

* `rate_p`: 7 V, the largest voltage, changes R by 0.3 Ω in 0.8 s at ``END_P`` of the way;
* `exponent_p`: number of potentiation events; `side_resistance`: power in potentiation;
* `exponent_d`, `rate_d`: number of events and power in depression;
* `sigma_p`, `sigma_d`: scatter of the number of events.

Run it with ``python examples/calibrate_titania.py`` (about a minute); ``--check`` only
measures the device as it is.
"""

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from labsyn.analysis.devices.laws import FloatArray
from labsyn.drivers.simulated.titania import Titania

VOLTAGES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0)
WIDTH = 0.8
LARGEST_STEP = 0.3
END_P = 1.0
N_CYCLES = 60
PRINTED = {"potentiation": (494, 11, 240.7), "depression": (579, 17, 114.6)}


@dataclass(frozen=True)
class Tuning:
    """One branch tuned by feedforward pulses: power in watt, steps in ohm."""

    n_events: int
    mean_power: float
    smallest_step: float
    largest_step: float


def write_terminals(volts: float) -> dict[str, float | None]:
    """Return the terminal voltages of a write: `volts` on T2 and T4."""
    return {"T1": 0.0, "T2": volts, "T3": 0.0, "T4": volts}


def read_resistance(device: Titania) -> float:
    """Return one noisy read: 0.1 V on T1, the current into T3."""
    terminals = {"T1": 0.1, "T2": 0.0, "T3": 0.0, "T4": 0.0}
    return -0.1 / device.measured_currents(terminals)["T3"]


def feedforward_map(branch: str, **parameters: Any) -> tuple[FloatArray, FloatArray]:
    """Return the write voltage for each resistance from 740 to 880 Ω in steps of 1 Ω.

    Also the expected changes, shape (141,), in ohm: of a device without noise, whatever the
    parameters say.
    """
    sign = -1 if branch == "potentiation" else 1
    parameters |= {"sigma_p": 0.0, "sigma_d": 0.0}
    volts, changes = [], []
    for start in np.arange(740.0, 881.0):
        allowed: list[tuple[float, float]] = []
        for size in VOLTAGES:
            twin = Titania.ideal(**parameters, resistance=float(start))
            twin.advance(write_terminals(sign * size), WIDTH)
            change = sign * (twin.resistance - start)
            if change < LARGEST_STEP or not allowed:
                allowed.append((sign * size, change))
        volts.append(allowed[-1][0])
        changes.append(allowed[-1][1])
    return np.array(volts), np.array(changes)


def tune(device: Titania, branch: str, volts: FloatArray) -> Tuning:
    """Drive `device` from one end to the other: read, look up, write, read."""
    down = branch == "potentiation"
    device.resistance = device.hrs if down else device.lrs
    power, steps = [], []
    resistance = read_resistance(device)
    while (resistance > device.lrs) if down else (resistance < device.hrs):
        index = int(np.clip(round(resistance - 740), 0, 140))
        terminals = write_terminals(float(volts[index]))
        currents = device.currents(terminals)
        power.append(sum((terminals[t] or 0.0) * i for t, i in currents.items()))
        before = device.resistance
        device.advance(terminals, WIDTH)
        steps.append(abs(device.resistance - before))
        resistance = read_resistance(device)
        if len(steps) > 5000:
            break
    return Tuning(len(steps), float(np.mean(power)), min(steps), max(steps))


def _bisect(
    function: Callable[[float], float], low: float, high: float, steps: int = 12
) -> float:
    """Return where a rising `function` crosses zero."""
    for _ in range(steps):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) < 0 else (low, middle)
    return (low + high) / 2


def calibrate() -> dict[str, float]:
    """Return the calibrated parameters."""
    found: dict[str, float] = {}
    for _ in range(2):  # the heat of the sides moves the steps a little: go round
        found |= _potentiation(found)
        found |= _sides(found)
    found |= _depression(found)
    for branch, key in (("potentiation", "sigma_p"), ("depression", "sigma_d")):
        found[key] = _sigma(branch, key, dict(found))
    return found


def _sigma(branch: str, key: str, found: dict[str, float]) -> float:
    volts, _ = feedforward_map(branch, **found)

    def excess(sigma: float) -> float:
        return (
            spread_of_events(repeat(branch, volts, **found | {key: sigma})) - PRINTED[branch][1]
        )

    return _bisect(excess, 0.05, 1.0, 8)


def repeat(branch: str, volts: FloatArray, **parameters: Any) -> list[Tuning]:
    """Return `N_CYCLES` cycles of one noisy device."""
    device = Titania(**parameters, seed=1)
    return [tune(device, branch, volts) for _ in range(N_CYCLES)]


def spread_of_events(tunings: list[Tuning]) -> float:
    """Return the standard deviation of the number of events."""
    return float(np.std([tuning.n_events for tuning in tunings], ddof=1))


def _ideal(branch: str, **parameters: Any) -> Tuning:
    return tune(Titania.ideal(**parameters), branch, feedforward_map(branch, **parameters)[0])


def _potentiation(found: dict[str, float]) -> dict[str, float]:
    def with_exponent(exponent: float) -> dict[str, float]:
        end = Titania.ideal(**found | {"exponent_p": exponent})
        reach = (np.exp(LARGEST_STEP / (end.hrs - end.lrs) * end.beta_p) - 1) / end.beta_p
        rate = reach * np.exp(end.beta_p * END_P) / WIDTH
        excess = (VOLTAGES[-1] - end.threshold) ** exponent
        return found | {"exponent_p": exponent, "rate_p": float(rate / excess)}

    def excess(exponent: float) -> float:
        return _ideal("potentiation", **with_exponent(exponent)).n_events - 494

    return with_exponent(_bisect(excess, 0.2, 1.5))


def _sides(found: dict[str, float]) -> dict[str, float]:
    def missing(sides: float) -> float:
        values = found | {"side_resistance": sides}
        return 240.7 - 1e3 * _ideal("potentiation", **values).mean_power

    return {"side_resistance": _bisect(missing, 100.0, 500.0, 16)}


def _depression(found: dict[str, float]) -> dict[str, float]:
    def with_rate(exponent: float) -> dict[str, float]:
        def missing(log_rate: float) -> float:
            values = found | {"exponent_d": exponent, "rate_d": math.exp(log_rate)}
            return 114.6 - 1e3 * _ideal("depression", **values).mean_power

        log_rate = _bisect(missing, math.log(1e-4), math.log(2e-2))
        return found | {"exponent_d": exponent, "rate_d": math.exp(log_rate)}

    def excess(exponent: float) -> float:
        return _ideal("depression", **with_rate(exponent)).n_events - 579

    return with_rate(_bisect(excess, 0.7, 2.5))


def report(**parameters: Any) -> None:
    """Print events, power and steps of both branches beside what the paper prints."""
    for branch, (events, spread, power) in PRINTED.items():
        volts, changes = feedforward_map(branch, **parameters)
        tunings = repeat(branch, volts, **parameters)
        mean = np.mean([tuning.n_events for tuning in tunings])
        milliwatts = 1e3 * np.mean([tuning.mean_power for tuning in tunings])
        print(
            f"{branch}: {mean:.0f} ± {spread_of_events(tunings):.0f} events "
            f"({events} ± {spread} printed), {milliwatts:.1f} mW ({power} printed), "
            f"expected |ΔR| {changes.min():.2f} to {changes.max():.2f} Ω, "
            f"|V_w| {abs(volts).min():g} to {abs(volts).max():g} V"
        )


def main() -> None:
    """Calibrate, or only check; print what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only measure the device")
    parameters = {} if parser.parse_args().check else calibrate()
    for name, value in parameters.items():
        print(f"{name} = {value:.6g}")
    report(**parameters)


if __name__ == "__main__":
    main()
