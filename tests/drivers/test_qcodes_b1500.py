"""QCoDeS's own KeysightB1500, unmodified, on the simulated bench and against our driver."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.keysight_b1500a import KeysightB1500A
from labsyn.drivers.simulated.b1500a import SimulatedB1500A
from labsyn.drivers.simulated.backend import LabsynVisaLibrary
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.simulated.lixcoo2 import LixCoO2
from labsyn.drivers.simulated.wiring import Wiring

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what QCoDeS imports is not ours to mend
    pytest.importorskip("qcodes", reason="QCoDeS is a peer: install it to run against it")
    from qcodes.instrument_drivers.Keysight import KeysightB1500  # type: ignore[import-not-found]
    from qcodes.instrument_drivers.Keysight.keysightb1500 import (  # type: ignore[import-not-found]
        constants,
    )

pytestmark = [
    pytest.mark.peers,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:qcodes"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

ADDRESS = "GPIB0::17::INSTR"
NOISE = 2.5e-5 * 10e-6  # of the range of 10 µA, at 2 µs


@pytest.fixture
def bench() -> SimulatedBench:
    """Return a mainframe with SMUs only: QCoDeS refuses one that holds an SPGU."""
    clock = VirtualClock()
    wiring = Wiring(clock)
    device = LixCoO2.ideal(x=0.5, v0=0.005)
    wiring.connect(f"{ADDRESS}/1", device, "top")
    wiring.ground(device, "bottom")
    instrument = SimulatedB1500A(wiring, clock, {1: "B1517A", 2: "B1517A"}, seed=3)
    return SimulatedBench({ADDRESS: instrument}, wiring, clock, {"lixcoo2": device})


@pytest.fixture
def qcodes_b1500(bench: SimulatedBench, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    import pyvisa

    library = LabsynVisaLibrary.for_bench(bench)
    real = pyvisa.ResourceManager
    # QCoDeS takes names of libraries only; the bench of this test is an object.
    monkeypatch.setattr(pyvisa, "ResourceManager", lambda *_: real(library))
    instrument = KeysightB1500("b1500", address=ADDRESS)
    yield instrument
    instrument.close()


def sweep(b1500: Any, start: float, stop: float, n_points: int) -> tuple[Any, Any]:
    smu = b1500.smu1
    b1500.enable_channels([1])
    smu.setup_staircase_sweep(
        v_start=start, v_end=stop, n_steps=n_points, i_comp=1e-3, post_sweep_voltage_val=1
    )
    b1500.set_measurement_mode(mode=constants.MM.Mode.STAIRCASE_SWEEP, channels=[1])
    b1500.run_iv_staircase_sweep.set_names_labels_and_units(names=("current",))
    current = np.asarray(b1500.run_iv_staircase_sweep()[0])
    return np.asarray(b1500.run_iv_staircase_sweep.source_voltage.value), current


def test_it_opens_and_knows_itself(qcodes_b1500: Any) -> None:
    assert qcodes_b1500.get_idn()["model"] == "B1500A"
    assert qcodes_b1500.error_message() == '+0,"No Error."'
    assert set(qcodes_b1500.by_slot) == {1, 2}


def test_spot_measurements(qcodes_b1500: Any) -> None:
    qcodes_b1500.enable_channels()
    smu = qcodes_b1500.smu1
    smu.voltage(0.2)
    assert smu.voltage() == pytest.approx(0.2, rel=1e-3)
    assert smu.current() == pytest.approx(25e-6 * 0.2, rel=1e-2)


def test_a_staircase_is_the_same_through_both_drivers(
    qcodes_b1500: Any, bench: SimulatedBench
) -> None:
    voltage, current = sweep(qcodes_b1500, 0.0, 0.3, 7)
    ours = KeysightB1500A(ADDRESS, visa_library=LabsynVisaLibrary.for_bench(bench))
    ours.command("CN 1")
    data = ours.staircase_sweep(1, 0.0, 0.3, 7, compliance=1e-3)
    ours.shutdown()
    ours.adapter.close()
    assert voltage == pytest.approx(data.voltage)
    assert current == pytest.approx(data.current, abs=8 * NOISE, rel=0)
    assert current == pytest.approx(25e-6 * voltage, abs=8 * NOISE, rel=0)
