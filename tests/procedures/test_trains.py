"""What a train of pulses can be, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labsyn.data.errors import ConfigError, UnitError
from labsyn.procedures.quantities import QuantitiesParameter
from labsyn.procedures.trains import Branch, read_train, table_of


def test_a_ramp_goes_in_even_steps() -> None:
    ramp = Branch.ramp(1, -1.2, 5, step=-0.2, width=1e-3, width_step=1e-3)
    assert ramp.voltage == pytest.approx([-1.2, -1.4, -1.6, -1.8, -2.0])
    assert ramp.width == pytest.approx([1e-3, 2e-3, 3e-3, 4e-3, 5e-3])
    assert len(Branch.ramp(1, 1.0, 0, width=1e-3)) == 0


def test_a_ramp_of_widths_stays_above_zero() -> None:
    with pytest.raises(ConfigError, match=r"pulse 4 has a width of -0.001 s: .* stay above 0"):
        Branch.ramp(1, 1.0, 5, width=3e-3, width_step=-1e-3)


def test_extremes_name_what_is_checked() -> None:
    volts, width = [1.0, 3.0, 0.0, -2.0, 2.0, 0.0], [1.0, 1.0, 1.0, 2.0, 1.0, 3.0]
    branch = Branch(kind=1, voltage=np.array(volts), width=np.array(width))
    assert list(branch.extremes()) == [
        (1.0, {"pulse_voltage": 1.0, "pulse_voltage of pulse 2": 3.0}),
        (2.0, {"pulse_voltage of pulse 4": -2.0}),
    ]
    assert list(Branch.ramp(1, 0.0, 3, width=1.0).extremes()) == []
    ((_, ends),) = Branch.ramp(1, -2.0, 5, step=0.9, width=1.0).extremes()
    assert [*ends.values()] == pytest.approx([-2.0, 1.6, -0.2])  # lowest, highest, smallest


def test_a_list_of_pulses() -> None:
    train = read_train("P, -1.5 V; 1, -1600 mV, 5 ms; d, 1.1; N, 0 V, 1 s;", 10e-3)
    assert [branch.kind for branch in train] == [1, -1, 0]
    assert table_of(train) == pytest.approx(
        np.array([[1, -1.5, 0.01], [1, -1.6, 0.005], [-1, 1.1, 0.01], [0, 0, 1]])
    )


def test_a_file_of_pulses(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "branch,pulse_voltage,pulse_width\r\n-1,1.1 V,\r\n\r\n1,-1.5,2 ms\r\n", "utf-8"
    )
    assert table_of(read_train(str(path), 10e-3)) == pytest.approx(
        np.array([[-1, 1.1, 0.01], [1, -1.5, 0.002]])
    )


def test_a_file_that_was_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    for volts in (1.1, 1.2):
        path.write_text(f"branch,pulse_voltage\nP,{volts}\n", "utf-8")
        for width in (1e-3, 2e-3):
            assert table_of(read_train(str(path), width)) == pytest.approx(
                np.array([[1, volts, width]])
            )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("P", "pulse 1 of the train: 'P' is no pulse; a pulse is a branch, a voltage"),
        ("P, 1 V; X, 1 V", "pulse 2 of the train: branch is 'X'; it is P or 1"),
        ("P, 1 s", "pulse 1 of the train: '1 s' is not a quantity in V"),
        ("P, 1 V, 0 s", "a width of 0 s is given, it must be above 0"),
        (";", "the train ';' has 0 pulses, 1 to 500000 are allowed"),
        ("none.csv", r"the train none.csv does not exist"),
    ],
)
def test_what_is_no_train(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_train(text, 10e-3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a,b\n1,2\n", "first line is 'a,b'; a train has the heads branch,pulse_voltage or"),
        (b"", "first line is ''"),
        (b"branch,pulse_voltage\nP,1\nP,1,5\n", "line 3: 3 cells under 2 heads"),
        (b"branch,pulse_voltage\nP,one\n", "line 2: 'one' is not a quantity in V"),
        (b"\xff\xff", "cannot be read"),
    ],
)
def test_what_is_no_file_of_a_train(tmp_path: Path, text: bytes, message: str) -> None:
    (tmp_path / "t.csv").write_bytes(text)
    with pytest.raises(ConfigError, match=message):
        read_train(str(tmp_path / "t.csv"), 10e-3)


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ("-1.2 V, -1500 mV", [-1.2, -1.5]),
        ("[1, 2]", [1.0, 2.0]),
        ([1, "2 V"], [1.0, 2.0]),
        (0.5, [0.5]),
        (np.array([1.0, 2.0]), [1.0, 2.0]),
        (np.float64(0.5), [0.5]),
    ],
)
def test_quantities_as_people_write_them(given: Any, values: list[float]) -> None:
    parameter = QuantitiesParameter("Voltages", units="V", default=given)
    assert parameter.value == values
    parameter.value = str(parameter)  # as PyMeasure stores and reads it
    assert parameter.value == values


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", r"1 values are given, 1 to 10000 are needed"),
        ([], "0 values are given"),
        ("1, 2.5", "'2.5' is none of the whole numbers from 0 to 10"),
        ("1, 20", "'20' is none of the whole"),
        ("1, x", "'1' has no unit and 'x' has one; give each value its unit, or none"),
        ("1,,2", "'' is not a number"),
        ("x, y", "'x' is not a number"),
    ],
)
def test_quantities_that_are_none(given: Any, message: str) -> None:
    with pytest.raises(UnitError, match=message):
        QuantitiesParameter("Numbers", minimum=0, maximum=10, whole=True, default=given)
