"""A simulated bench: instruments at addresses, wired to devices, on one virtual clock."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labsyn.data.errors import ConfigError
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.b1500a import DEFAULT_ADDRESS, SimulatedB1500A
from labsyn.drivers.simulated.device import DeviceUnderTest
from labsyn.drivers.simulated.devices import make_device
from labsyn.drivers.simulated.environment import Environment
from labsyn.drivers.simulated.instrument import SimulatedInstrument
from labsyn.drivers.simulated.timeline import Timeline
from labsyn.drivers.simulated.wiring import Wiring

if TYPE_CHECKING:
    from labsyn.drivers.bench_model import BenchConfig


class SimulatedBench:
    """Everything a VISA session can reach.

    Parameters
    ----------
    instruments : mapping of str to SimulatedInstrument
        By VISA resource name.
    wiring, clock : Wiring, VirtualClock
        What the instruments share.
    devices : mapping of str to DeviceUnderTest
        What is under test, by name.
    environment : Environment, optional
        Field and temperature around them; 25 °C and no field if left out.

    Attributes
    ----------
    lock : threading.RLock
        That of the clock, held for each message: a second session may switch off from
        another thread.
    """

    def __init__(
        self,
        instruments: Mapping[str, SimulatedInstrument],
        wiring: Wiring,
        clock: VirtualClock,
        devices: Mapping[str, DeviceUnderTest] | None = None,
        environment: Environment | None = None,
    ) -> None:
        self.instruments = dict(instruments)
        self.wiring = wiring
        self.clock = clock
        self.devices = dict(devices or {})
        self.environment = environment or Environment(wiring.advance_all, wiring.apply_all)
        self.lock = clock.lock

    def describe_device(self) -> dict[str, Any]:
        """Return kind and parameters of the (first) device under test, for the run file."""
        described: dict[str, Any] = {"temperature": self.environment.temperature}
        for name, device in list(self.devices.items())[:1]:
            values = {
                key: value
                for key, value in vars(device).items()
                if key[0] != "_" and isinstance(value, int | float | str)
            }
            described |= {"device": name} | values
        return described

    @classmethod
    def default(
        cls, device: str = "lixcoo2", seed: int = 0, **parameters: Any
    ) -> "SimulatedBench":
        """Return a B1500A with SMU 1 on ``top`` and SMU 2 on ``bottom`` of one device.

        `seed` draws the device and the noise; `parameters` are those of the device.

        Raises
        ------
        ConfigError
            If there is no such device or parameter.
        """
        clock = Timeline()
        wiring = Wiring(clock)
        environment = Environment(wiring.advance_all, wiring.apply_all)
        under_test = make_device(device, seed, environment=environment, **parameters)
        for channel, terminal in ((1, "top"), (2, "bottom")):
            wiring.connect(f"{DEFAULT_ADDRESS}/{channel}", under_test, terminal)
        analyzer = SimulatedB1500A(wiring, clock, address=DEFAULT_ADDRESS, seed=seed)
        return cls(
            {DEFAULT_ADDRESS: analyzer}, wiring, clock, {device: under_test}, environment
        )

    @classmethod
    def from_config(cls, config: "BenchConfig") -> "SimulatedBench":
        """Return the simulated twin of a bench file: its instruments, wired as its roles.

        Raises
        ------
        ConfigError
            If the file describes no device to simulate, or a terminal does not exist.
        """
        simulation = config.simulation
        if simulation is None:
            raise ConfigError("this bench file has no [simulation]: its bench is real")
        from labsyn.drivers.simulated.assembly import Assembly  # all instruments: 0.1 s

        clock = Timeline()
        wiring = Wiring(clock)
        environment = Environment(wiring.advance_all, wiring.apply_all)
        parameters: dict[str, Any] = dict(simulation.parameters)
        devices = [
            make_device(
                simulation.device, simulation.seed + i, environment=environment, **parameters
            )
            for i in range(simulation.n_devices)
        ]
        instruments = Assembly(config, devices, wiring, clock, environment).build()
        names = [
            simulation.device,
            *(f"{simulation.device} {i + 2}" for i in range(len(devices) - 1)),
        ]
        named = dict(zip(names, devices, strict=True))
        return cls(instruments, wiring, clock, named, environment)

    @classmethod
    def from_text(cls, text: str) -> "SimulatedBench":
        """Return the bench that ``device?key=value&key=value`` or a ``.toml`` path names.

        Raises
        ------
        ConfigError
            If a part of it cannot be understood.
        """
        if text.endswith(".toml"):
            from labsyn.drivers.config import load_config  # pydantic takes a while

            return cls.from_config(load_config(Path(text)))
        name, _, query = text.partition("?")
        parameters: dict[str, Any] = {}
        for pair in filter(None, query.split("&")):
            key, _, value = pair.partition("=")
            try:
                parameters[key] = int(value) if key == "seed" else _number(value, key)
            except ValueError as error:
                raise ConfigError(
                    f"{pair!r} in {text!r} is no parameter; write key=number"
                ) from error
        seed = int(parameters.pop("seed", 0))
        return cls.default(name or "lixcoo2", seed, **parameters)


def _number(value: str, key: str) -> float | str:
    return value if key == "path" else float(value)
