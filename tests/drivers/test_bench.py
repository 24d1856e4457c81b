"""The bench: roles, refusals, and outputs off on every way out."""

import os
import signal
from pathlib import Path

import pytest

from labsyn.data.errors import (
    BenchError,
    ConfigError,
    LimitError,
    RoleError,
    UnsafeShutdownError,
)
from labsyn.drivers.bench import Bench
from labsyn.drivers.bench_model import InstrumentConfig
from labsyn.drivers.config import load_config
from labsyn.drivers.connection import Connection
from labsyn.drivers.identity import Identity

BENCH_FILE = """
[instruments.smu]
driver = "KeysightB1500A"
resource = "GPIB0::21::INSTR"

[roles.pulse_source]
instrument = "smu"
channel = 1

[roles.reader]
instrument = "smu"
channel = 1

[limits]
voltage = "2 V"
current = "500 uA"

[simulation]
device = "lixcoo2"
seed = 3
parameters = { sigma_read = 0.0 }
"""


def outputs(bench: Bench) -> set[float | None]:
    return {
        volts
        for instrument in bench.simulation.instruments.values()
        for volts in instrument.outputs().values()
    }


def ready(bench: Bench) -> None:
    bench.reader.setup_reads(voltage=0.1, compliance_current=1e-4)
    bench.reader.read()
    assert outputs(bench) != {None}


def test_roles_read_and_pulse() -> None:
    with Bench.simulated("lixcoo2", seed=1) as bench:
        reader, source = bench.reader, bench.pulse_source
        reader.setup_reads(voltage=0.1, compliance_current=1e-4)
        source.setup_pulses(width=0.01, period=0.02, compliance_current=1e-3)
        before = reader.read().conductance
        started = bench.clock.now()
        source.pulse(-1.5)
        assert bench.clock.now() - started == pytest.approx(0.02, rel=0.05)
        assert reader.read().conductance > before


def test_leaving_switches_everything_off() -> None:
    with Bench.simulated() as bench:
        ready(bench)
    assert outputs(bench) == {None}


def fail_on(bench: Bench, error: BaseException) -> None:
    with bench:
        ready(bench)
        raise error


def test_an_exception_switches_everything_off() -> None:
    bench = Bench.simulated()
    with pytest.raises(ZeroDivisionError):
        fail_on(bench, ZeroDivisionError())
    assert outputs(bench) == {None}


def kill_inside(bench: Bench, number: int) -> None:
    with bench:
        ready(bench)
        os.kill(os.getpid(), number)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_outside_a_run_leaves_the_bench(name: str) -> None:
    if not hasattr(signal, name):
        pytest.skip(f"this system has no {name}")
    number = getattr(signal, name)
    before, bench = signal.getsignal(number), Bench.simulated()
    with pytest.raises(KeyboardInterrupt if name == "SIGINT" else SystemExit):
        kill_inside(bench, number)
    assert outputs(bench) == {None}
    assert signal.getsignal(number) == before


class Dead:
    """An instrument that answers nothing any more."""

    def shutdown(self) -> None:
        raise OSError("no answer")

    @property
    def adapter(self) -> "Dead":
        raise OSError("no answer")


def put_first(bench: Bench, name: str, instrument: Dead) -> None:
    config = InstrumentConfig(driver="Keysight81160A", resource=name)
    dead = Connection(config, Identity(""), instrument, None)
    bench._connections = {name: dead, **bench._connections}


def test_a_dead_instrument_does_not_stop_the_next() -> None:
    bench = Bench.simulated()
    put_first(bench, "dead", Dead())
    with pytest.raises(UnsafeShutdownError, match=r"could not make safe: dead \(no answer\)"):
        fail_on(bench, ZeroDivisionError())
    assert outputs(bench) == {None}


class Interrupting(Dead):
    """Ctrl-C arrives while this one is switched off."""

    def shutdown(self) -> None:
        raise KeyboardInterrupt


def test_an_interrupt_while_closing_waits_until_all_are_off() -> None:
    bench = Bench.simulated()
    put_first(bench, "slow", Interrupting())
    with pytest.raises(KeyboardInterrupt):
        fail_on(bench, ZeroDivisionError())
    assert outputs(bench) == {None}


def test_closing_twice_does_nothing() -> None:
    with Bench.simulated() as bench:
        bench.close()
        bench.close()
    assert outputs(bench) == {None}


def test_a_role_that_nobody_plays() -> None:
    with Bench.simulated() as bench:
        with pytest.raises(RoleError, match="no bench has a role 'magnet'"):
            bench.require(["magnet"])
        with pytest.raises(RoleError, match=r"no field: add \[roles.field\].*KepcoBOP"):
            _ = bench.field


def test_a_bench_file(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(BENCH_FILE)
    with Bench.open(path) as bench:
        assert bench.limits.voltage == 2.0
        assert bench.limits.current == pytest.approx(5e-4)
        described = bench.describe()
        assert described["seed"] == 3
        assert described["instruments"]["smu"]["resource"] == "GPIB0::21::INSTR"
        assert "B1500A" in described["instruments"]["smu"]["idn"]
        assert described["bench_file"] == BENCH_FILE
        assert described["device_truth"]["sigma_read"] == 0
        source = bench.pulse_source
        source.setup_pulses(width=0.01, period=0.02, compliance_current=1e-4)
        with pytest.raises(LimitError, match="exceeds the limit of 2 V"):
            source.pulse(2.5)
        ready(bench)
    assert outputs(bench) == {None}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("voltage =", "voltgae =", r"unknown key 'limits.voltgae'; did you mean 'voltage'"),
        ('"2 V"', '"2 s"', r"limits.voltage: .*'2 s' is not a quantity in V"),
        ('"2 V"', '"-2 V"', r"limit voltage is -2.0, it must be positive"),
        (
            'instrument = "smu"',
            'instrument = "sum"',
            r"names the instrument 'sum'; the bench has smu",
        ),
        ("channel = 1", "channel = 0", r"roles.pulse_source.channel"),
        (
            '[roles.reader]\ninstrument = "smu"\nchannel = 1',
            '[roles.reader]\ninstrument = "smu"\nchannel = 2',
            r"smu/2 is wired to terminal 'top', where smu/1 is already",
        ),
        ("[instruments.smu]", "ground = []\n[instruments.smu]", r"ground is empty"),
        ('"KeysightB1500A"', '"B1500"', r"instruments.smu.driver"),
        ("[limits]", "[limits", r"is no bench file"),
    ],
)
def test_a_wrong_bench_file(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(BENCH_FILE.replace(old, new))
    with pytest.raises((ConfigError, LimitError), match=message):
        Bench.open(path)


def test_a_missing_bench_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.toml does not exist"):
        load_config(tmp_path / "none.toml")


def test_an_unknown_device() -> None:
    with pytest.raises(ConfigError, match="unknown device 'lixcoo3', known are lixcoo2"):
        Bench.simulated("lixcoo3")


def test_a_wrong_instrument_is_asked_for_its_name_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("labsyn.drivers.simulated.b1500a_common.IDENTITY", "SOMEBODY,2400,0,1")
    with pytest.raises(
        BenchError, match=r"'SOMEBODY,2400,0,1', no instrument for KeysightB1500A"
    ):
        Bench.simulated()


def test_an_address_that_nobody_answers(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(
        BENCH_FILE[: BENCH_FILE.index("[simulation]")].replace(
            "GPIB0::21::INSTR", "TCPIP0::127.0.0.1::9::SOCKET"
        )
    )
    with pytest.raises(BenchError, match="smu"):
        Bench.open(path)
