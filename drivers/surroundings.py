"""What the instruments of a bench file are opened on: real, simulated, or its twin."""

from typing import Any

from labsyn.data.errors import ConfigError
from labsyn.drivers.bench_model import BenchConfig
from labsyn.drivers.clock import Clock, RealClock
from labsyn.drivers.emergency import Target


def twin_of(config: BenchConfig) -> BenchConfig:
    """Return the bench file of the simulated twin: the same, but without any fault."""
    simulation = config.simulation
    if simulation is None:
        raise ConfigError(
            "this bench file does not say which device its simulated twin has; add "
            "[simulation] with device = … and enabled = false"
        )
    return config.model_copy(
        update={
            "simulation": simulation.model_copy(update={"enabled": True}),
            "instruments": {
                name: each.model_copy(update={"faults": []})
                for name, each in config.instruments.items()
            },
        }
    )


def emergency_targets(config: BenchConfig) -> list[Target]:
    """Return what a second session needs to make the instruments of a bench safe."""
    return [
        Target(name, each.driver, each.resource) for name, each in config.instruments.items()
    ]


def surroundings(config: BenchConfig) -> tuple[Any, Any, Clock]:
    """Return simulation (None on a real bench), PyVISA library and clock of a bench file."""
    if not config.is_simulated:
        return None, "", RealClock()
    from labsyn.drivers.simulated.backend import LabsynVisaLibrary
    from labsyn.drivers.simulated.bench import SimulatedBench

    simulation = SimulatedBench.from_config(config)
    return simulation, LabsynVisaLibrary.for_bench(simulation), simulation.clock
