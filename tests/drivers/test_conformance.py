"""One conversation for every driver: with the simulated instrument, or with a real one.

    pytest tests/drivers/test_conformance.py -m hardware --resource SR830=GPIB0::8::INSTR

runs it on the bench. Nothing is switched on: it opens, asks who is there, reads errors and
settings, refuses a wrong value, and makes safe.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labsyn.drivers.bench import Bench
from labsyn.drivers.catalogue import DRIVERS, driver, open_driver
from labsyn.drivers.clock import RealClock

RESOURCES = {
    "LakeShore425": "ASRL3::INSTR",
    "Keysight81160A": "USB0::0x0957::0x4108::MY1::INSTR",
}
REFUSED: dict[str, Callable[[Any], object]] = {
    "KeysightB1500A": lambda i: i.command("DV 1,0,4000"),
    "Keithley3706A": lambda i: i.close_channels("9999"),
    "Keysight81160A": lambda i: i.setup_pulse(1, width=-1.0, period=1e-3, edge=5e-9, load=50.0),
    "Agilent33250A": lambda i: i.setup_pulse(1, width=-1.0, period=1e-3, edge=5e-9, load=50.0),
    "Agilent33220A": lambda i: i.setup_pulse(1, width=-1.0, period=1e-3, edge=5e-9, load=50.0),
    "Agilent33500": lambda i: i.setup_pulse(1, width=-1.0, period=1e-3, edge=5e-9, load=50.0),
    "SR830": lambda i: setattr(i, "amplitude", 50.0),
    "SR860": lambda i: setattr(i, "amplitude", 50.0),
    "KepcoBOP": lambda i: i.ramp_current(50.0),
    "LakeShore425": lambda i: setattr(i, "unit", "bananas"),
}


def converse(instrument: Any, name: str) -> None:
    """The conversation itself."""
    assert driver(name).MODEL.search(instrument.id)
    instrument.check_errors()
    settings = instrument.settings()
    assert settings
    assert all(isinstance(value, str) for value in settings.values())
    with pytest.raises((ValueError, RuntimeError, OSError)):
        REFUSED[name](instrument)
    instrument.shutdown()
    assert driver(name).MODEL.search(instrument.id)  # it still answers


@pytest.mark.parametrize("name", DRIVERS)
def test_with_the_simulated_instrument(tmp_path: Path, name: str) -> None:
    resource = RESOURCES.get(name, "GPIB0::5::INSTR")
    path = tmp_path / "bench.toml"
    path.write_text(
        f'[instruments.it]\ndriver = "{name}"\nresource = "{resource}"\n'
        '[simulation]\ndevice = "lixcoo2"\n'
    )
    with Bench.open(path) as bench:
        converse(bench._connections["it"].instrument, name)


@pytest.mark.hardware
def test_with_the_real_instrument(request: pytest.FixtureRequest) -> None:
    given = request.config.getoption("--resource")
    if not given:
        pytest.skip("give --resource DRIVER=VISA_NAME, for example SR830=GPIB0::8::INSTR")
    name, _, resource = given.partition("=")
    instrument = open_driver(name, resource, "", RealClock(), {})
    try:
        converse(instrument, name)
    finally:
        instrument.adapter.close()
