"""What surrounds the devices, and relays that take an output away."""

import math

import pytest

from labsyn.data.errors import ConfigError, ModelError
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.environment import Environment
from labsyn.drivers.simulated.lixcoo2 import LixCoO2
from labsyn.drivers.simulated.wiring import Wiring


def test_a_change_comes_between_before_and_after() -> None:
    seen: list[tuple[str, float]] = []
    surroundings = Environment(
        lambda: seen.append(("before", surroundings.field)),
        lambda: seen.append(("after", surroundings.field)),
    )
    surroundings.field = 0.02
    assert seen == [("before", 0.0), ("after", 0.02)]
    surroundings.temperature = 350.0
    assert surroundings.temperature == 350.0


def test_what_cannot_be() -> None:
    surroundings = Environment()
    with pytest.raises(ModelError, match="a field of nan T"):
        surroundings.field = math.nan
    with pytest.raises(ModelError, match="temperature of 0 K"):
        surroundings.temperature = 0.0


def test_an_opened_relay_ends_the_stress() -> None:
    clock = VirtualClock()
    wiring = Wiring(clock)
    device = LixCoO2.ideal()
    wiring.connect("smu", device, "top")
    wiring.ground(device, "bottom")
    wiring.drive("smu", -1.5)
    clock.sleep(0.05)
    wiring.disconnect("smu")
    reached = device.x
    clock.sleep(1.0)
    assert reached > 0.1
    assert wiring.current("smu") == 0.0
    wiring.connect("smu", device, "top")
    assert device.x == pytest.approx(reached, rel=1e-4)  # only the slow relaxation
    with pytest.raises(ConfigError, match="pg is connected to nothing"):
        wiring.disconnect("pg")
