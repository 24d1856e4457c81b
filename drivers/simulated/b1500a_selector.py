"""The 16440A SMU/pulse generator selector of a simulated B1500A (ERMOD 1, ERSSP).

Each port leads to one terminal of a device, and lets through an SMU, a pulse generator
channel, or nothing. Without a selector, outputs are wired to their terminals directly.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from labsyn.data.errors import ConfigError
from labsyn.drivers.simulated.device import DeviceUnderTest
from labsyn.drivers.simulated.wiring import Wiring

OPEN, SMU_ON, PGU_ON, PGU_OPEN = 0, 1, 2, 3
N_PORTS = 4


@dataclass(frozen=True)
class SelectorPort:
    """What is on a port: the device terminal behind it, and the channels before it.

    Attributes
    ----------
    device : DeviceUnderTest
    terminal : str
    smu, pgu : int
        Channel numbers such as 1 and 301; 0 for none.
    """

    device: DeviceUnderTest
    terminal: str
    smu: int = 0
    pgu: int = 0


class Selector:
    """Relays between channels and terminals; all open until ERSSP closes one."""

    def __init__(
        self,
        wiring: Wiring,
        address: str,
        ports: Mapping[int, SelectorPort],
        smus: Iterable[int],
        pgus: Iterable[int],
    ) -> None:
        self._wiring, self._address, self._ports = wiring, address, dict(ports)
        self._connected: dict[int, str] = {}
        self.mode = 0
        self.states = dict.fromkeys(range(N_PORTS), OPEN)
        free = {"smu": {0, *smus}, "pgu": {0, *pgus}}
        for port, place in self._ports.items():
            if port not in self.states:
                raise ConfigError(
                    f"{address}: selector port {port}, ports are 0 to {N_PORTS - 1}"
                )
            for kind, channel in (("smu", place.smu), ("pgu", place.pgu)):
                if channel not in free[kind]:
                    left = ", ".join(map(str, sorted(free[kind])))
                    raise ConfigError(
                        f"{address}: selector port {port} has {kind} {channel}, free for it "
                        f"are {left} (0 for none)"
                    )
                free[kind] -= {channel} - {0}

    def select(self, port: int, state: int) -> None:
        """Open what is closed, then close what `state` asks for."""
        if port in self._connected:
            self._wiring.disconnect(self._connected.pop(port))
        self.states[port] = state
        place = self._ports.get(port)
        if place is None:
            return
        channel = {SMU_ON: place.smu, PGU_ON: place.pgu}.get(state, 0)
        if channel:
            source = f"{self._address}/{channel}"
            try:
                self._wiring.connect(source, place.device, place.terminal)
            except ConfigError as error:  # it is wired for good beside the selector
                self._wiring.warnings.append(f"selector port {port}: {error}")
                return
            self._connected[port] = source

    def reset(self) -> None:
        """Open every port; the ports are of general purpose again."""
        for port in self.states:
            self.select(port, OPEN)
        self.mode = 0
