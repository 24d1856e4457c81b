"""The resistors between the four terminals of the simulated TiO2-x memristor."""

import numpy as np

from labsyn.drivers.simulated.device import Voltages

TERMINALS = ("T1", "T2", "T3", "T4")


class TitaniaNetwork:
    """R from T1 to T3 and four equal sides T1-T2, T2-T3, T3-T4, T4-T1, under voltages.

    Parameters
    ----------
    side, across : float
        Resistance of each side and from T1 to T3, in ohm.
    voltages : mapping of str to float or None
        Forced voltages; where None the terminal floats and settles.

    Attributes
    ----------
    nodes : list of float
        Volts at T1 to T4.
    """

    def __init__(self, side: float, across: float, voltages: Voltages) -> None:
        self._side, self._across = 1 / side, 1 / across
        forced = [voltages[terminal] for terminal in TERMINALS]
        self._free = [i for i, volts in enumerate(forced) if volts is None]
        self.nodes = [volts or 0.0 for volts in forced]
        if 0 < len(self._free) < len(TERMINALS):
            self._settle()

    def _settle(self) -> None:
        held = [i for i in range(len(TERMINALS)) if i not in self._free]
        columns = [self._inflows([float(i == k) for i in range(4)]) for k in range(4)]
        conductances = np.array(columns).T
        pull = -conductances[np.ix_(self._free, held)] @ [self.nodes[i] for i in held]
        settled = np.linalg.solve(conductances[np.ix_(self._free, self._free)], pull)
        for i, volts in zip(self._free, settled.tolist(), strict=True):
            self.nodes[i] = volts

    def _inflows(self, nodes: list[float]) -> list[float]:
        """Return the current into each terminal, in ampere."""
        flows = [
            self._side * (2 * nodes[i] - nodes[i - 1] - nodes[(i + 1) % 4]) for i in range(4)
        ]
        across = self._across * (nodes[0] - nodes[2])
        flows[0] += across
        flows[2] -= across
        return flows

    def currents(self) -> dict[str, float]:
        """Return the current into each terminal, in ampere: none where one floats."""
        flows = self._inflows(self.nodes)
        for i in self._free:
            flows[i] = 0.0  # rounding would leave some
        return dict(zip(TERMINALS, flows, strict=True))

    @property
    def write_voltage(self) -> float:
        """V_w = (V_2 + V_4)/2 - (V_1 + V_3)/2, in volt."""
        first, second, third, fourth = self.nodes
        return (second + fourth - first - third) / 2

    @property
    def largest_voltage(self) -> float:
        """Largest voltage between two terminals, in volt."""
        return max(self.nodes) - min(self.nodes)

    @property
    def power(self) -> float:
        """Power that heats the film, in watt."""
        flows = self._inflows(self.nodes)
        return sum(volts * flow for volts, flow in zip(self.nodes, flows, strict=True))
