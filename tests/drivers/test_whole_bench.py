"""A bench file with every instrument: assembled, opened through PyVISA, measured, made safe."""

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.data.errors import ConfigError, InstrumentDisconnected, InstrumentError
from labsyn.drivers.bench import Bench
from labsyn.drivers.catalogue import DRIVERS, driver

SPINTRONICS = """
ground = ["channel_b"]

[instruments.smu]
driver = "KeysightB1500A"
resource = "GPIB0::17::INSTR"
simulated = { modules = { 1 = "B1517A", 2 = "B1511B", 3 = "B1525A", 4 = "B1520A" } }

[instruments.switch]
driver = "Keithley3706A"
resource = "TCPIP0::192.168.0.7::INSTR"
paths = { 1101 = ["pulser/1", "channel_a"] }

[instruments.pulser]
driver = "Keysight81160A"
resource = "USB0::0x0957::0x4108::MY1::INSTR"

[instruments.generator]
driver = "Agilent33500"
resource = "TCPIP0::192.168.0.8::5025::SOCKET"

[instruments.old_generator]
driver = "Agilent33250A"
resource = "GPIB0::10::INSTR"

[instruments.lock_in]
driver = "SR830"
resource = "GPIB0::8::INSTR"
simulated = { reference_resistance = 1e6, noise = false }

[instruments.second_lock_in]
driver = "SR860"
resource = "GPIB0::9::INSTR"

[instruments.magnet]
driver = "KepcoBOP"
resource = "GPIB0::6::INSTR"
simulated = { coil_constant = 0.025 }

[instruments.gaussmeter]
driver = "LakeShore425"
resource = "ASRL3::INSTR"

[wiring]
"lock_in/sine" = "top"

[simulation]
device = "mtj"
seed = 3
parameters = { sigma_read = 0.0 }
"""


@pytest.fixture
def bench_file(tmp_path: Path) -> Path:
    path = tmp_path / "bench.toml"
    path.write_text(SPINTRONICS)
    return path


def test_every_instrument_is_opened_and_described(bench_file: Path) -> None:
    with Bench.open(bench_file) as bench:
        described = bench.describe()
    assert set(described["instruments"]) == {
        "smu", "switch", "pulser", "generator", "old_generator", "lock_in", "second_lock_in",
        "magnet", "gaussmeter",
    }  # fmt: skip
    for name, instrument in described["instruments"].items():
        assert driver(instrument["driver"]).MODEL.search(instrument["idn"]), name
        assert instrument["settings"], name
    assert described["device_truth"]["device"] == "mtj"


def test_a_loop_of_resistance_against_field(bench_file: Path) -> None:
    """Magnet, gaussmeter, lock-in and divider measure TMR and coercive field of the model."""
    with Bench.open(bench_file) as bench:
        magnet, meter, lock_in = (
            bench._connections[name].instrument for name in ("magnet", "gaussmeter", "lock_in")
        )
        lock_in.amplitude, lock_in.time_constant = 1.0, 0.01
        magnet.setup_current(voltage_limit=36.0)
        fields, resistances = [], []
        for current in [*np.linspace(0.8, -0.8, 65), *np.linspace(-0.8, 0.8, 65)]:
            magnet.ramp_current(current)
            bench.clock.sleep(0.5)
            x, _ = lock_in.read_xy()
            fields.append(meter.field)
            resistances.append(1e6 * x / (1.0 - x))
        truth = bench.describe()["device_truth"]
    r = np.array(resistances)
    assert r.max() / r.min() - 1 == pytest.approx(truth["tmr"], rel=0.02)
    assert r.min() == pytest.approx(truth["parallel_resistance"], rel=0.02)
    jumps = np.flatnonzero(np.abs(np.diff(r)) > 0.2 * (r.max() - r.min()))
    assert len(jumps) == 2  # one switch in each direction
    down, up = (fields[i + 1] for i in jumps)
    assert (up - down) / 2 == pytest.approx(truth["coercive_field"], rel=0.25)
    assert math.isclose((up + down) / 2, truth["exchange_field"], abs_tol=2e-3)


def test_leaving_turns_the_magnet_down_and_opens_every_relay(bench_file: Path) -> None:
    with Bench.open(bench_file) as bench:
        bench._connections["magnet"].instrument.setup_current(voltage_limit=36.0)
        bench._connections["magnet"].instrument.ramp_current(0.4)
        bench._connections["switch"].instrument.close_channels("1101")
        simulated: dict[str, Any] = bench.simulation.instruments
        assert simulated["TCPIP0::192.168.0.7::INSTR"].relays.all_closed == ["1101"]
    assert simulated["TCPIP0::192.168.0.7::INSTR"].relays.all_closed == []
    bench.clock.sleep(5.0)
    assert abs(simulated["GPIB0::6::INSTR"].coil_current) < 1e-2


def test_faults_of_the_bench_file(bench_file: Path) -> None:
    fault = 'faults = [{ kind = "timeout", match = "SNAP", times = 9 }]\n'
    text = SPINTRONICS.replace('driver = "SR830"\n', f'driver = "SR830"\n{fault}')
    bench_file.write_text(text)
    with Bench.open(bench_file) as bench, pytest.raises(InstrumentDisconnected):
        bench._connections["lock_in"].instrument.read_xy()


CROSSPOINTS = """
[instruments.smu]
driver = "KeysightB1500A"
resource = "GPIB0::17::INSTR"

[instruments.switch]
driver = "Keithley3706A"
resource = "TCPIP0::192.168.0.7::INSTR"
paths = { 1101 = ["smu/1", "1:top"], 1102 = ["smu/1", "2:top"], 1103 = ["smu/1", "3:top"] }

[simulation]
device = "lixcoo2"
seed = 5
n_devices = 3
parameters = { sigma_read = 0.0 }
"""


def test_several_devices_behind_the_matrix(bench_file: Path) -> None:
    bench_file.write_text(CROSSPOINTS)
    with Bench.open(bench_file) as bench:
        smu, switch = (bench._connections[name].instrument for name in ("smu", "switch"))
        smu.command("CN 1")
        read = []
        for channel in ("1101", "1102", "1103"):
            switch.close_exclusively(channel)
            read.append(smu.read_at(1, 0.1, 1e-3).value / 0.1)
        switch.open_all()
        assert smu.read_at(1, 0.1, 1e-3).value == pytest.approx(0, abs=1e-8)
        truth = [device.g_min for device in bench.simulation.devices.values()]
    assert len(set(truth)) == 3
    assert read == pytest.approx(truth, rel=1e-3)


def test_a_stuck_relay_of_the_bench_file(bench_file: Path) -> None:
    stuck = 'simulated = { stuck = ["1102"] }\n'
    bench_file.write_text(CROSSPOINTS.replace("paths =", f"{stuck}paths ="))
    with Bench.open(bench_file) as bench, pytest.raises(InstrumentError, match="1102"):
        bench._connections["switch"].instrument.close_channels("1102")


def test_a_device_that_is_not_there(bench_file: Path) -> None:
    bench_file.write_text(CROSSPOINTS.replace("3:top", "4:top"))
    with pytest.raises(ConfigError, match=r"'4:top' names no device; .* n_devices is 3"):
        Bench.open(bench_file)


def test_any_program_finds_the_bench_by_an_environment_variable() -> None:
    code = (
        "import pyvisa; r = pyvisa.ResourceManager().open_resource('GPIB0::17::INSTR');"
        "print(r.query('*IDN?'))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYVISA_LIBRARY": "@labsyn"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "B1500A" in found.stdout


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"lock_in/sine" = "top"', '"lockin/sine" = "top"', "'lockin/sine' is no output"),
        ('"lock_in/sine" = "top"', '"lock_in/sine" = "T7"', "no terminal 'T7'"),
        (
            "coil_constant = 0.025",
            "coil_konstant = 0.025",
            "option that the simulated KepcoBOP",
        ),
        ('driver = "SR830"', 'driver = "SR831"', "instruments.lock_in.driver"),
        ('device = "mtj"', 'device = "mjt"', "unknown device 'mjt'"),
        (
            'driver = "SR830"\n',
            'driver = "SR830"\nfaults = [{ kind = "gremlin" }]\n',
            "no fault is called 'gremlin'",
        ),
        (
            'driver = "SR830"\n',
            'driver = "SR830"\nfaults = [{ kind = "late", mtch = "x" }]\n',
            r"\[instruments.lock_in\] a fault has no 'mtch', it has kind, match, after",
        ),
        (
            'driver = "SR830"\n',
            'driver = "SR830"\nfaults = [{ match = "x" }]\n',
            "the fault {'match': 'x'} has no kind",
        ),
        (
            'driver = "SR830"\n',
            'driver = "SR830"\nfaults = [{ kind = "late", after = "x" }]\n',
            "fault late: after = 'x' must be a whole number",
        ),
        ('1 = "B1517A"', 'one = "B1517A"', "option that the simulated KeysightB1500A .*'one'"),
        ("paths = {", 'simulated = { stuck = ["9"] }\npaths = {', "no relay '9' that could be"),
        (
            'resource = "GPIB0::9::INSTR"',
            'resource = "gpib0::8"',
            r"second_lock_in\] and \[instruments.lock_in\] have one resource, gpib0::8",
        ),
        (
            'resource = "GPIB0::9::INSTR"',
            'resource = "lock-in"',
            "'lock-in' is no VISA resource",
        ),
    ],
)
def test_what_is_wrong_in_a_bench_file(
    bench_file: Path, old: str, new: str, message: str
) -> None:
    bench_file.write_text(SPINTRONICS.replace(old, new))
    with pytest.raises(ConfigError, match=message):
        Bench.open(bench_file)


def test_the_catalogue_of_drivers() -> None:
    for name in DRIVERS:
        assert driver(name).__name__ == name
    with pytest.raises(ConfigError, match="there is no driver 'Keithley9'; known are"):
        driver("Keithley9")


def test_a_selector_of_the_bench_file_connects_what_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(
        """
[instruments.smu]
driver = "KeysightB1500A"
resource = "GPIB0::17::INSTR"

[instruments.smu.simulated]
modules = { 1 = "B1517A", 3 = "B1525A" }
selector = { 0 = { terminal = "top", smu = 1, pgu = 301 } }

[roles.reader]
instrument = "smu"
channel = 1

[simulation]
device = "lixcoo2"
parameters = { sigma_c2c = 0.0, sigma_read = 0.0 }
"""
    )
    with Bench.open(path) as bench:
        bench.reader.setup_reads(voltage=0.1, compliance_current=1e-3)
        assert abs(bench.reader.read().current) < 1e-9  # the ports are open
        analyser = bench._connections["smu"].instrument
        analyser.command("ERMOD 1;ERSSP 0,2")
        analyser.initialize_all_spgus()
        spgu = analyser.spgus[3]
        spgu.setup_pulses(1, -1.5, width=1e-2, period=2e-2, n_pulses=10, load=1e5)
        spgu.run()
        spgu.wait(bench.clock)
        analyser.command("ERSSP 0,1")
        device = bench.simulation.devices["lixcoo2"]
        assert device.x > 0.05
        assert bench.reader.read().conductance == pytest.approx(device.conductance, rel=1e-3)
        assert not bench.warnings
    wrong = path.read_text().replace("pgu = 301", "pgu = 501")
    path.write_text(wrong)
    with pytest.raises(
        ConfigError, match="selector port 0 has pgu 501, free for it are 0, 301"
    ):
        Bench.open(path)
