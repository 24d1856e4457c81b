"""Breakdown: the ramp ends with the first jump, and V_B is kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.data.errors import BenchError, LimitError
from labsyn.data.flags import Flag
from labsyn.drivers.bench import Bench
from labsyn.procedures.breakdown import Breakdown
from labsyn.procedures.runner import measure

OpenMTJ = Callable[..., Bench]
WIDER = {"terminals": {"channel_a": {"voltage": 2.2}}}


def pulses_sent(bench: Bench) -> int:
    return bench.account.total().n_pulses


@pytest.mark.parametrize(
    ("thickness", "n_cells", "expected"),
    [(1.6e-9, 1, 1.8), (2.6e-9, 1, 2.0), (1.6e-9, 3, 1.7), (2.6e-9, 3, 1.9)],
)
def test_figure_4h_breakdown_voltage(
    thickness: float, n_cells: int, expected: float, open_mtj: OpenMTJ, tmp_path: Path
) -> None:
    """V_B 1.8 to 2.0 V with one cell, 1.7 to 1.9 V with three, to one step of 20 mV."""
    bench = open_mtj(
        "SMU", limits=WIDER, thickness=thickness, n_cells=n_cells, breakdown_voltage=expected
    )
    procedure = Breakdown(first_voltage=1.5, last_voltage=2.2, n_pulses=36)
    run = measure(procedure, bench, tmp_path)
    found = run.metadata["breakdown"]
    assert expected < found["voltage"] <= expected + 0.021
    assert found["last_survived"] == pytest.approx(found["voltage"] - 0.02)
    assert found["resistance_after"] < 0.05 * found["resistance_before"]
    assert (run.status, run.n_rows) == ("finished", 1 + pulses_sent(bench))
    assert run["pulse_voltage"][-1] == found["voltage"]


@pytest.mark.parametrize(
    ("reader", "source", "volts"),
    [
        ("SR830", "Keysight81160A", 3.4),
        ("SR860", "Agilent33500", 2.0),
        ("SMU", "SPGU", 0.1),
    ],
)
@pytest.mark.parametrize("guard", [4.0, None])
def test_no_pulse_follows_the_jump(
    guard: float | None, reader: str, source: str, volts: float,
    open_mtj: OpenMTJ, tmp_path: Path,
) -> None:  # fmt: skip
    limits: dict[str, Any] = {"conductance_jump": guard}
    bench = open_mtj(reader, source, limits=limits, breakdown_voltage=1.22)
    ramp = Breakdown(first_voltage=-1.0, last_voltage=-1.5, n_pulses=6, read_voltage=volts)
    run = measure(ramp, bench, tmp_path)
    assert (run.status, run.n_rows, pulses_sent(bench)) == ("finished", 5, 4)
    assert run.metadata["breakdown"]["voltage"] == pytest.approx(-1.3)
    broke = run["flags"].astype(int) & Flag.BREAKDOWN
    assert broke.astype(bool).tolist() == [False] * 4 + [True]
    told = [
        event for event in run.events if event["kind"] == "breakdown" and "voltage" in event
    ]
    assert [event["voltage"] for event in told] == [pytest.approx(-1.3)]
    assert bench.account.total().peak_voltage <= 3.4
    assert measure(ramp, bench, tmp_path).status == "finished"  # the bench can be used on


def test_no_second_read_follows_the_jump_either(open_mtj: OpenMTJ, tmp_path: Path) -> None:
    bench = open_mtj("SMU", breakdown_voltage=1.22)
    ramp = Breakdown(first_voltage=1.0, last_voltage=1.5, n_pulses=6, n_reads=3)
    run = measure(ramp, bench, tmp_path)
    assert (run.status, run.n_rows, pulses_sent(bench)) == ("finished", 5, 4)
    assert run["resistance"][-1] < 300
    assert np.isfinite(run["resistance_uncertainty"]).all()


def test_switching_is_no_breakdown(open_mtj: OpenMTJ, tmp_path: Path) -> None:
    """The largest TMR of the paper, 78 %, is a factor of 1.78."""
    bench = open_mtj("SMU", tmr=0.78, critical_voltage=0.8, field_free=1.0)
    bench.field.set_field(20e-3, slew=0.1)
    bench.field.set_field(0.0, slew=0.1)
    run = measure(
        Breakdown(first_voltage=-0.1, last_voltage=-1.5, n_pulses=15), bench, tmp_path
    )
    assert run["resistance"].max() > 1.7 * run["resistance"].min()
    assert run.metadata["breakdown"] == {"voltage": None, "last_survived": -1.5}
    assert "no breakdown up to -1.5 V" in [event["text"] for event in run.events]
    assert not (run["flags"].astype(int) & Flag.BREAKDOWN).any()


def test_a_reading_that_fails_after_a_pulse_ends_the_ramp(
    open_mtj: OpenMTJ, tmp_path: Path
) -> None:
    fault = {"kind": "overload", "match": "SNAP", "after": 2, "times": 1}
    bench = open_mtj(instrument={"lock_in": {"faults": [fault]}})
    run = measure(Breakdown(read_voltage=3.4), bench, tmp_path)
    assert pulses_sent(bench) == run.n_rows - 1 < 5
    last = int(run["flags"][-1])
    assert last & Flag.BREAKDOWN
    assert last & Flag.OVERFLOW
    assert np.isnan(run["conductance"][-1])


def test_without_contact_no_pulse_is_applied(open_mtj: OpenMTJ, tmp_path: Path) -> None:
    fault = {"kind": "overload", "match": "SNAP"}
    bench = open_mtj(instrument={"lock_in": {"faults": [fault]}})
    with pytest.raises(BenchError, match=r"nan S was read before the first pulse; is there c"):
        measure(Breakdown(read_voltage=3.4), bench, tmp_path)
    assert pulses_sent(bench) == 0


def test_a_ramp_beyond_the_limits_is_refused_as_a_whole(
    open_mtj: OpenMTJ, tmp_path: Path
) -> None:
    bench = open_mtj()
    with pytest.raises(
        LimitError, match=r"last_voltage of 2.05 V at channel_a exceeds the limit"
    ):
        measure(Breakdown(last_voltage=2.05), bench, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
    assert pulses_sent(bench) == 0
