"""Sequences: what is measured, in which order, and what is refused before it begins."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labsyn.data.errors import ConfigError
from labsyn.procedures.iv_sweep import IVSweep
from labsyn.procedures.pulse_train import PulseTrain
from labsyn.procedures.sequence import PlannedRun, Sequence
from labsyn.procedures.sequence_file import load_dies, load_sequence
from labsyn.procedures.steps import Die, Step

QUEUE = """
name = "two kinds"
repeat = 2

[[step]]
procedure = "iv_sweep"
set = { n_sweeps = 1 }
note = "before"

[[step]]
procedure = "pulse_train"
set = { n_cycles = 1, compliance_current = "100 uA" }
loop = { pulse_width = ["1 ms", 0.01], n_pulses = [5, 6] }
zip = { potentiation_voltage = ["-1.2 V", "-1.5 V"], depression_voltage = [0.9, 1.1] }
wait = "1 min"
"""


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str, name: str = "queue.toml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def values(runs: list[PlannedRun], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(getattr(run.procedure, name) for name in names) for run in runs]


def test_loops_combine_and_zips_go_together(written: Callable[[str], Path]) -> None:
    sequence = load_sequence(written(QUEUE))
    runs = sequence.expand()
    assert (sequence.name, sequence.n_runs, len(runs)) == ("two kinds", 18, 18)
    assert [run.number for run in runs] == list(range(1, 19))
    assert isinstance(runs[0].procedure, IVSweep)
    assert (runs[0].wait, runs[0].note, runs[0].varied) == (0.0, "before", {})
    names = ("potentiation_voltage", "depression_voltage", "pulse_width", "n_pulses")
    assert values(runs[1:9], *names) == [
        (-1.2, 0.9, 1e-3, 5), (-1.2, 0.9, 1e-3, 6), (-1.2, 0.9, 1e-2, 5), (-1.2, 0.9, 1e-2, 6),
        (-1.5, 1.1, 1e-3, 5), (-1.5, 1.1, 1e-3, 6), (-1.5, 1.1, 1e-2, 5), (-1.5, 1.1, 1e-2, 6),
    ]  # fmt: skip
    assert {run.wait for run in runs[1:9]} == {60.0}
    assert {run.procedure.compliance_current for run in runs[1:9]} == {1e-4}
    assert values(runs[10:], *names) == values(runs[1:9], *names)
    assert runs[1].name == "002-pulse_train"


def test_every_step_on_one_die_then_on_the_next(written: Callable[[str, str], Path]) -> None:
    written("die,pulse_width\nA/1,1 ms\nA/2,\n", "dies.csv")
    text = QUEUE.replace('pulse_width = ["1 ms", 0.01], ', "").replace("repeat = 2", "")
    path = written(f'over = "dies.csv"\n{text}', "q.toml")
    runs = load_sequence(path).expand()
    assert [run.die for run in runs] == ["A/1"] * 5 + ["A/2"] * 5
    assert values(runs[1:5] + runs[6:], "pulse_width") == [(1e-3,)] * 4 + [(0.01,)] * 4
    assert runs[1].varied.keys() == {
        "pulse_width", "potentiation_voltage", "depression_voltage", "n_pulses"
    }  # fmt: skip
    assert runs[0].varied == {}  # an iv_sweep has no pulse_width
    assert runs[0].name == "001-A_1-iv_sweep"


def test_one_step_over_dies_and_the_next_over_none() -> None:
    dies = [Die("A1", {"n_cycles": 7}), Die("A2")]
    steps = [
        Step(procedure=PulseTrain, set={"n_cycles": 2}, over=dies, repeat=2),
        Step(procedure=IVSweep),
    ]
    runs = Sequence(name="x", steps=steps).expand()
    assert [run.die for run in runs] == ["A1", "A1", "A2", "A2", ""]
    assert values(runs[:4], "n_cycles") == [(7,), (7,), (2,), (2,)]


STEP = '[[step]]\nprocedure = "pulse_train"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"queue.toml: step is missing"),
        ("step = 3", r"step: Input should be a valid list"),
        ("[[step]", r"queue.toml is no sequence file: "),
        ('over = "none.csv"\n' + STEP, r"none.csv does not exist"),
        ("repaet = 2\n" + STEP, r"unknown key 'repaet'; did you mean 'repeat'"),
        (STEP + "lop = {}", r"unknown key 'step 1.lop'; did you mean 'loop'"),
        (STEP.replace("train", "trian"), r"step 1: there is no procedure 'pulse_trian'; did"),
        (STEP + "repeat = 0", r"step 1.repeat: Input should be greater than or equal to 1"),
        (STEP + 'wait = "3 V"', r"step 1: wait: '3 V' is not a quantity in s"),
        (STEP + "wait = true", r"step 1: wait: True is not a quantity in s"),
        (STEP + "wait = [1]", r"step 1: wait: \[1\] is not a quantity in s"),
        (STEP + "wait = -1", r"wait = -1 s: a step is done at least once, after no or some"),
        (STEP + "loop = { pulse_width = 3 }", r"step 1.loop.pulse_width: Input should be a"),
        (STEP + "loop = { pulse_width = [] }", r"loop: pulse_width has no values"),
        (STEP + "zip = { n_pulses = [1], n_cycles = [1, 2] }", r"these have n_pulses 1, n_cyc"),
        (
            STEP + "set = { n_pulses = 1 }\nloop = { n_pulses = [2] }",
            r"n_pulses is given twice",
        ),
    ],
)
def test_a_wrong_file_is_refused(
    written: Callable[[str], Path], text: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_sequence(written(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "set = { pulse_widht = 1 }",
            r"queue.toml: step 1: pulse_train .*'pulse_width'",
        ),
        ('loop = { pulse_width = ["1 ms", "1 V"] }', r"pulse_width = '1 V' is refused"),
        (
            "set = { n_pulses = 2020-01-01 }",
            r"n_pulses = datetime.date\(2020, 1, 1\) is refused",
        ),
        ("repeat = 10001", r"queue.toml has 10001 runs, at most 10000 are allowed"),
    ],
)
def test_a_wrong_parameter_is_refused_before_anything_is_measured(
    written: Callable[[str], Path], text: str, message: str
) -> None:
    sequence = load_sequence(written(STEP + text))
    with pytest.raises(ConfigError, match=message):
        sequence.expand()


@pytest.mark.parametrize(
    ("dies", "message"),
    [
        ("die,n_pulses\nA1,\nA2,2.5\n", r"step 1: die A2 \(.*dies.csv, line 3\): .* whole num"),
        ("die,n_puls\nA1,\nA2,2\n", r"queue.toml: die A2 \(.*, line 3\) sets 'n_puls', which"),
    ],
)
def test_a_die_that_is_wrong_is_named_by_its_line(
    written: Callable[..., Path], dies: str, message: str
) -> None:
    written(dies, "dies.csv")
    with pytest.raises(ConfigError, match=message):
        load_sequence(written('over = "dies.csv"\n' + STEP)).expand()


def test_a_planned_run_knows_where_it_was_written(written: Callable[..., Path]) -> None:
    dies = written("die\nA1\n", "dies.csv")
    queue = written('over = "dies.csv"\n' + STEP + STEP)
    sources = [run.source for run in load_sequence(queue).expand()]
    assert sources == [f"{queue}, step {i} and {dies}, line 2" for i in (1, 2)]


def test_a_sequence_of_python_is_judged_as_well() -> None:
    step = Step(procedure=PulseTrain, over=[Die("A1")])
    with pytest.raises(ConfigError, match="x: a sequence has steps"):
        Sequence(name="x", steps=[])
    with pytest.raises(ConfigError, match="x: over is said for the whole and for a step"):
        Sequence(name="x", steps=[step], over=[Die("A1")])
    with pytest.raises(ConfigError, match="die A1 sets 'pulse_widht', which no step has"):
        Sequence(
            name="x", steps=[Step(procedure=PulseTrain)], over=[Die("A1", {"pulse_widht": 1})]
        )
    with pytest.raises(ConfigError, match="n_pulses = '12' is no list of values"):
        Step(procedure=PulseTrain, loop={"n_pulses": "12"})
    varied = Step(
        procedure=PulseTrain, loop={"n_pulses": [1]}, over=[Die("A1", {"n_pulses": 2})]
    )
    with pytest.raises(
        ConfigError, match="step 1: die A1: n_pulses is set for a die and varied"
    ):
        Sequence(name="x", steps=[varied]).expand()


def test_dies_as_spreadsheets_write_them(written: Callable[[str, str], Path]) -> None:
    path = written("\ufeffdie;pulse_width; n_pulses\n\nA1;1 ms;\n# shorted\n A2 ;;5\nA3\n;;\n",
                   "dies.csv")  # fmt: skip
    assert load_dies(path) == (
        Die("A1", {"pulse_width": "1 ms"}), Die("A2", {"n_pulses": "5"}), Die("A3")
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "dies.csv is empty: its first line names the columns"),
        ("name,x\nA1,2\n", "line 1: the columns are 'name', 'x'; there is one named die"),
        ("die,x,x\nA1,2,3\n", "is a parameter, named once"),
        ("die\n", "dies.csv names no die"),
        ("die,x\n,3\n", "line 2 names no die"),
        ("\ndie,x\nA1,2,3\n", "line 3: 3 cells, and 2 columns are named"),
    ],
)
def test_a_wrong_file_of_dies(
    written: Callable[[str, str], Path], text: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_dies(written(text, "dies.csv"))


def test_a_file_of_dies_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "dies.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"dies.csv is no file of dies"):
        load_dies(path)
    with pytest.raises(ConfigError, match=r"none.toml does not exist"):
        load_sequence(tmp_path / "none.toml")
