"""Procedures of users: files and packages are found, and a broken one stops no other."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from labsyn.data.errors import ConfigError
from labsyn.data.run import Run
from labsyn.drivers.bench import Bench
from labsyn.procedures.catalogue import find_procedure, list_procedures, procedures
from labsyn.procedures.custom import load_file
from labsyn.procedures.description import summary_of
from labsyn.procedures.pulse_train import PulseTrain
from labsyn.procedures.runner import measure

README = Path(__file__).parent.parent.parent / "README.md"
EXAMPLE = re.search(r'```python\n("""Does reading.*?)```', README.read_text("utf-8"), re.S)

SHORT = '''"""Trains of one cycle."""

from labsyn import PulseTrain


class {name}(PulseTrain):
    """One cycle. And no more."""

    def row_estimate(self):
        return 1 + 2 * self.n_pulses
'''

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return what writes a file into the working folder."""
    monkeypatch.chdir(tmp_path)

    def written(name: str, text: str) -> Path:
        path = Path(name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return written


def test_the_example_of_the_readme(write: Write, tmp_path: Path) -> None:
    assert EXAMPLE is not None
    code = EXAMPLE.group(1)
    write("read_disturb_procedure.py", code)
    kind = find_procedure("read_disturb")
    assert list_procedures().kinds["read_disturb"].__name__ == "ReadDisturb"
    assert summary_of(kind) == "Read the device n_reads times, as fast as the reader can."
    with Bench.simulated("lixcoo2", seed=1) as bench:
        run = measure(kind(n_reads=20, read_voltage="0.2 V"), bench, tmp_path)
        g = bench.simulation.devices["lixcoo2"].conductance
    assert (run.status, run.n_rows, run.procedure) == ("finished", 20, "read_disturb")
    assert run["conductance"][-1] == pytest.approx(g, rel=0.1)
    assert run.mask().all()
    assert run.metadata["procedure_source"] == code  # no repository has it: the run does
    with Bench.simulated("mtj") as bench:  # a lock-in reads there
        reads = kind(n_reads=20, read_voltage="3.4 V")
        started = bench.clock.now()
        assert measure(reads, bench, tmp_path).n_rows == 20
        assert bench.clock.now() - started == pytest.approx(reads.duration(bench), rel=0.05)
        assert reads.duration(bench) > 1


def test_a_file_by_its_path(write: Write, tmp_path: Path) -> None:
    path = write("lab/my own.py", SHORT.format(name="OneCycle"))
    assert find_procedure(str(path)).name() == "one_cycle"
    assert find_procedure(f"{path.resolve()}:one_cycle").name() == "one_cycle"
    with pytest.raises(
        ConfigError, match=r"own.py holds no procedure 'one'; known are one_cycle"
    ):
        find_procedure(f"{path}:one")
    with pytest.raises(ConfigError, match="there is no procedure 'one_cycle'"):
        find_procedure("one_cycle")  # its name does not end in _procedure.py
    two = SHORT.format(name="A") + SHORT.format(name="B").partition("PulseTrain\n")[2]
    with pytest.raises(ConfigError, match=r"two.py holds a and b: say which, two.py:a"):
        find_procedure(str(write("two.py", two)))
    with pytest.raises(ConfigError, match=r"none.py cannot be read: No such file"):
        find_procedure("none.py")


def test_a_changed_file_is_read_anew(write: Write) -> None:
    path = write("x_procedure.py", SHORT.format(name="AAA"))
    assert find_procedure(str(path)).name() == "aaa"
    write("x_procedure.py", SHORT.format(name="BBB"))  # as long, and within the same second
    assert find_procedure(str(path)).name() == "bbb"
    assert not (path.parent / "__pycache__").exists()


def test_a_file_may_import_another_beside_it(write: Write) -> None:
    path_before = list(sys.path)
    write("lab/lab_constants.py", "N = 7\n")
    text = SHORT.format(name="Seven").replace("1 + 2", "N + 2")
    path = write(
        "lab/s_procedure.py",
        text.replace("from labsyn", "from lab_constants import N\nfrom labsyn"),
    )
    with Bench.simulated() as bench:
        assert find_procedure(str(path))(n_pulses=1).row_estimate() == 9
        assert bench.is_open
    assert sys.path == path_before
    del sys.modules["lab_constants"]


def test_folders_of_the_laboratory(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("here_procedure.py", SHORT.format(name="Here"))
    write("lab/there_procedure.py", SHORT.format(name="There"))
    write("other.py", "raise SystemExit('nobody asked for this file')")
    folders = [str(tmp_path / "lab"), str(tmp_path / "none"), str(tmp_path)]
    monkeypatch.setenv("LABSYN_PROCEDURES", os.pathsep.join(folders))
    found = list_procedures()
    assert set(found.kinds) == {*procedures(), "here", "there"}
    assert found.origins == {
        "here": "here_procedure.py", "there": str(tmp_path / "lab" / "there_procedure.py")
    }  # fmt: skip
    assert found.broken == [f"LABSYN_PROCEDURES names {tmp_path / 'none'}, which is no folder"]
    assert SHORT.format(name="There") == find_procedure("there").SOURCE


BAD = {
    "syntax": ("x = (\n", r"line 1: '\(' was never closed; the file is left out"),
    "name": ("\n\nprint(undefined)\n", r"line 3: NameError: name 'undefined' is not defined"),
    "exit": ("import sys\nsys.exit(3)\n", r"line 2: SystemExit: 3"),
    "missing": ("import no_such_module\n", r"line 1: ModuleNotFoundError: No module named"),
    "empty": ("", r"defines no procedure: it needs a class that derives from BenchProc"),
    "method": (
        "from labsyn import BenchProcedure\n\n\nclass X(BenchProcedure):\n    pass\n",
        r"line 4: X has no method execute\(\), which every procedure needs",
    ),
    "columns": (
        SHORT.format(name="X") + "    COLUMNS = ()\n",
        r"line 6: X has no COLUMNS: name what a row holds",
    ),
    "column": (
        SHORT.format(name="X").replace("import ", "import Column, ")
        + "    COLUMNS = (Column('v', 'furlong'), Column('a/b'))\n",
        r"line \d+: .*: a column cannot be named 'a/b'",
    ),
    "default": (
        "from pymeasure.experiment import FloatParameter\n"
        + SHORT.format(name="X")
        + "    def __init__(self, **values):\n        raise ValueError('bad default')\n",
        r"line 7: X\(\) cannot be made: ValueError: bad default",
    ),
    "taken": (
        SHORT.format(name="PulseTrain").replace("import PulseTrain", "import PulseTrain as P")
        .replace("(PulseTrain)", "(P)"),
        r"labsyn itself has a procedure 'pulse_train' as well; give the class PulseTrain an",
    ),
    "twice": (
        SHORT.format(name="Good"),
        r"good_procedure.py has a procedure 'good' as well; give the class Good another",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_broken_file_is_one_sentence_and_stops_no_other(write: Write, kind: str) -> None:
    text, message = BAD[kind]
    write("good_procedure.py", SHORT.format(name="Good"))
    write(f"not_{kind}_procedure.py", text)
    found = list_procedures()
    assert set(found.kinds) == {*procedures(), "good"}
    (sentence,) = found.broken
    assert sentence.startswith(f"not_{kind}_procedure.py")
    assert re.search(message, sentence)
    assert "\n" not in sentence
    if kind == "twice":  # which one is meant is not guessed
        with pytest.raises(ConfigError, match=r"'good' as well; .*, or run the file that you"):
            find_procedure("good")
        assert find_procedure("not_twice_procedure.py").name() == "good"
    else:
        assert find_procedure("good").name() == "good"
    assert find_procedure("pulse_train") is PulseTrain
    with pytest.raises(ConfigError, match=f"no procedure 'x'; .*; not_{kind}_procedure.py"):
        find_procedure("x")


ENTRY_POINTS = """[labsyn.procedures]
a = labsyn_of_others:OfOthers
b = labsyn_of_nobody:X
c = labsyn_of_others:PulseTrain.name
"""


def test_installed_packages(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("site/labsyn_of_others.py", SHORT.format(name="OfOthers"))
    write("site/of_others-1.0.dist-info/METADATA", "Name: of-others\nVersion: 1.0\n")
    write("site/of_others-1.0.dist-info/entry_points.txt", ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(path.parent.resolve()))
    found = list_procedures()
    assert find_procedure("of_others") is found.kinds["of_others"]
    assert found.origins == {"of_others": "package of-others 1.0"}
    where = "package of-others 1.0, entry point"
    assert found.broken == [
        f"{where} b: ModuleNotFoundError: No module named 'labsyn_of_nobody'; it is left out",
        f"{where} c: is no procedure; it must name a BenchProcedure",
    ]
    del sys.modules["labsyn_of_others"]


def test_a_file_of_a_procedure_runs_like_any_other(write: Write, tmp_path: Path) -> None:
    (kind,) = load_file(write("x_procedure.py", SHORT.format(name="OneCycle")))
    with Bench.simulated() as bench:
        run = measure(kind(n_pulses=2, n_cycles=1), bench, tmp_path / "runs")
    assert Run.open(run.path).procedure == "one_cycle"
