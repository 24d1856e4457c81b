"""Potentiation and depression that depend on voltage, width and number of the spikes.

Baek et al., Nano-Micro Letters (2022), name four: SNDP (spike number), SVDP (voltage), SWDP
(width) and SVWDP (both). Each is a sequence of pulse trains, one of each condition, that start
from one state.
"""

from collections.abc import Sequence

from pymeasure.experiment import FloatParameter, IntegerParameter

from labsyn.data.errors import ConfigError
from labsyn.procedures.plasticity import Condition, Plasticity
from labsyn.procedures.quantities import QuantitiesParameter


class SVDP(Plasticity):
    """Spike-voltage dependent plasticity: a train for each potentiation voltage.

    Each is depressed by the depression voltage of the same place in its list, or the only one.

    Baek et al., Nano-Micro Letters (2022), figure 4; ratios in figure S9a. Voltages and number
    of spikes are not printed there and chosen here, around those of table S2.
    """

    potentiation_voltages = QuantitiesParameter(
        "Potentiation voltages", units="V", default=[-1.0, -1.2, -1.4, -1.6, -1.8, -2.0]
    )
    depression_voltages = QuantitiesParameter(
        "Depression voltages", units="V", default=[0.7, 0.86, 1.02, 1.18, 1.34, 1.5]
    )
    pulse_width = FloatParameter(
        "Pulse width", units="s", default=10e-3, minimum=1e-9, maximum=1e4
    )
    n_pulses = IntegerParameter("Pulses per branch", default=30, minimum=1, maximum=10**6)

    def conditions(self) -> Sequence[Condition]:
        pairs = paired_voltages(self.potentiation_voltages, self.depression_voltages)
        return [Condition(p, d, self.pulse_width, self.n_pulses) for p, d in pairs]


class SWDP(Plasticity):
    """Spike-width dependent plasticity: a train for each pulse width.

    Baek et al., Nano-Micro Letters (2022), figure 4; ratios in figure S9b. Widths and number
    of spikes are not printed there and chosen here; voltages are those of table S2.
    """

    potentiation_voltage = FloatParameter("Potentiation voltage", units="V", default=-1.5)
    depression_voltage = FloatParameter("Depression voltage", units="V", default=1.1)
    pulse_widths = QuantitiesParameter(
        "Pulse widths", units="s", default=[2e-3, 5e-3, 10e-3, 20e-3, 50e-3],
        minimum=1e-9, maximum=1e4,
    )  # fmt: skip
    n_pulses = IntegerParameter("Pulses per branch", default=30, minimum=1, maximum=10**6)

    def conditions(self) -> Sequence[Condition]:
        volts = (self.potentiation_voltage, self.depression_voltage)
        return [Condition(*volts, width, self.n_pulses) for width in self.pulse_widths]


class SNDP(Plasticity):
    """Spike-number dependent plasticity: a train for each number of spikes.

    Baek et al., Nano-Micro Letters (2022), figure 3a; nonlinearity and range in figure S8. The
    numbers are not printed there and chosen here; spikes are those of table S2.
    """

    potentiation_voltage = FloatParameter("Potentiation voltage", units="V", default=-1.5)
    depression_voltage = FloatParameter("Depression voltage", units="V", default=1.1)
    pulse_width = FloatParameter(
        "Pulse width", units="s", default=10e-3, minimum=1e-9, maximum=1e4
    )
    pulse_numbers = QuantitiesParameter(
        "Pulses per branch", default=[10, 20, 30, 40, 50], minimum=1, maximum=10**6, whole=True
    )

    def conditions(self) -> Sequence[Condition]:
        spike = (self.potentiation_voltage, self.depression_voltage, self.pulse_width)
        return [Condition(*spike, int(number)) for number in self.pulse_numbers]


class SVWDP(Plasticity):
    """Spike-voltage-and-width dependent plasticity: each pair of voltages with each width.

    Width by width. Baek et al., Nano-Micro Letters (2022), figure 4; ratios in figure S9c.
    Voltages, widths and number of spikes are not printed there and chosen here, around those
    of table S2.
    """

    potentiation_voltages = QuantitiesParameter(
        "Potentiation voltages", units="V", default=[-1.2, -1.6, -2.0]
    )
    depression_voltages = QuantitiesParameter(
        "Depression voltages", units="V", default=[0.86, 1.18, 1.5]
    )
    pulse_widths = QuantitiesParameter(
        "Pulse widths", units="s", default=[5e-3, 10e-3, 20e-3], minimum=1e-9, maximum=1e4
    )
    n_pulses = IntegerParameter("Pulses per branch", default=30, minimum=1, maximum=10**6)

    def conditions(self) -> Sequence[Condition]:
        pairs = paired_voltages(self.potentiation_voltages, self.depression_voltages)
        return [
            Condition(p, d, width, self.n_pulses)
            for width in self.pulse_widths
            for p, d in pairs
        ]


def paired_voltages(
    potentiation: Sequence[float], depression: Sequence[float]
) -> list[tuple[float, float]]:
    """Return each potentiation voltage with its depression voltage.

    Raises
    ------
    ConfigError
        If there are neither as many of one as of the other, nor only one for all.
    """
    if len(depression) == 1:
        depression = [depression[0]] * len(potentiation)
    if len(potentiation) != len(depression):
        raise ConfigError(
            f"{len(potentiation)} potentiation_voltages and {len(depression)} "
            "depression_voltages are given; as many of both are needed, or one depression "
            "voltage for all"
        )
    return list(zip(potentiation, depression, strict=True))
