"""labsyn export as a user meets it: files, notes, refusals, exit codes."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labsyn.data.curves import curves_from_run
from labsyn.data.errors import ConfigError
from labsyn.data.exporters.formats import export_run
from labsyn.data.flags import Flag
from labsyn.data.run import Column, Run, RunWriter

N = 20
COLUMNS = [
    Column("cycle"), Column("branch"), Column("pulse"), Column("conductance", "S"),
    Column("flags"),
]  # fmt: skip

Cli = Callable[..., tuple[int, str, str]]


class Runner:
    """Calls `labsyn` in a folder of its own; gives exit code, stdout and stderr."""

    def __init__(self, call: Cli) -> None:
        self._call = call

    def __call__(self, *words: object) -> tuple[int, str, str]:
        return self._call(*words)

    def refused(self, code: int, *words: object) -> str:
        found, out, err = self(*words)
        assert (found, out) == (code, "")
        assert err.count("labsyn: ") == 1
        assert "Traceback" not in err
        return err


@pytest.fixture
def cli(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Runner:
    monkeypatch.chdir(tmp_path)
    return Runner(cli)


def store(path: str, flagged: int | None = None) -> None:
    """Store four cycles of a saturating device; row `flagged` was in compliance."""
    rng = np.random.default_rng(1)
    part = np.arange(1, N + 1) / N
    up = (1 - np.exp(-1.5 * part)) / (1 - np.exp(-1.5))
    rows = [(0.0, 0.0, 0.0, 1e-5)]
    for cycle in range(1, 5):
        rows += [(cycle, 1.0, k + 1.0, 1e-5 * (1 + 3 * x)) for k, x in enumerate(up)]
        rows += [(cycle, -1.0, k + 1.0, 1e-5 * (4 - 3 * x)) for k, x in enumerate(up)]
    table = np.array(rows)
    table[:, 3] += 3e-8 * rng.standard_normal(len(rows))
    flags = np.zeros(len(rows))
    if flagged is not None:
        flags[flagged] = Flag.COMPLIANCE
    with RunWriter.create(path, procedure="pulse_train", parameters={}, columns=COLUMNS) as run:
        run.append_rows(
            dict(zip((column.name for column in COLUMNS), [*table.T, flags], strict=True))
        )


@pytest.mark.parametrize("to", ["csv", "parquet", "netcdf", "zip"])
def test_a_run_goes_beside_itself(cli: Runner, tmp_path: Path, to: str) -> None:
    if to == "parquet":
        pytest.importorskip("pyarrow")
    if to == "netcdf":
        pytest.importorskip("h5netcdf")
    store("a.h5")
    suffix = {"netcdf": "nc"}.get(to, to)
    code, out, err = cli("export", "a.h5", "--to", to)
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == f"written: a.{suffix}"
    assert (tmp_path / f"a.{suffix}").stat().st_size > 100
    again = cli.refused(2, "export", "a.h5", "--to", to)
    assert f"a.{suffix} exists already" in again
    assert cli("export", "a.h5", "--to", to, "--force")[0] == 0


def test_several_runs_go_into_a_folder_with_flagged_rows_kept(
    cli: Runner, tmp_path: Path
) -> None:
    store("a.h5")
    store("b.h5", flagged=30)
    code, out, _ = cli("export", "a.h5", "b.h5", "--to", "csv", "-o", "tables", "--json")
    assert code == 0
    a, b = json.loads(out)
    assert a == {"source": "a.h5", "files": [str(Path("tables", "a.csv"))], "notes": []}
    assert b["notes"] == ["1 of 161 rows are flagged; they are kept, the column flags says so"]
    table = pd.read_csv(tmp_path / "tables" / "b.csv", comment="#")
    assert len(table) == 161
    assert table["flags (1)"][30] == 1


@pytest.mark.parametrize("to", ["aihwkit", "crosssim", "neurosim"])
def test_a_device_leaves_flagged_rows_out_and_says_so(
    cli: Runner, tmp_path: Path, to: str
) -> None:
    store("a.h5", flagged=30)
    code, out, err = cli("export", "a.h5", "--to", to)
    assert (code, err) == (0, "")
    assert "note: 1 of 161 rows left out: compliance" in out
    assert "note: 1 of 4 depression cycles left out: they have gaps" in out
    assert "unknown, 0 is set" in out
    plain = Path("a.crosssim/origin.json" if to == "crosssim" else f"a.{to}.json")
    said = json.loads(plain.read_text(encoding="utf-8"))
    assert said["source_sha256"] == Run.open("a.h5").sha256()
    assert said["fit"]["potentiation"]["n_cycles"] == 4
    assert said["fit"]["depression"]["n_cycles"] == 3
    assert "exists already" in cli.refused(2, "export", "a.h5", "--to", to)


def test_ramps_of_others_are_one_device(cli: Runner, tmp_path: Path) -> None:
    store("a.h5")
    cli("export", "a.h5", "--to", "crosssim", "-o", "x.crosssim")
    files = [Path("x.crosssim", name) for name in ("set.csv", "reset.csv")]
    code, out, _ = cli("export", *files, "--unit", "S", "--to", "neurosim", "-o", "n.json")
    assert code == 0
    assert "written: n.json" in out
    assert "--nonlinearityLTP 1." in out
    levels = json.loads(Path("n.json").read_text())["parameters"]
    assert (levels["levels_P"], levels["levels_D"]) == (N, N)
    assert levels["Gmin"] == pytest.approx(1e-5, rel=0.01)
    ramps = np.loadtxt(files[0], delimiter=",", skiprows=1).T
    np.testing.assert_array_equal(ramps, curves_from_run(Run.open("a.h5")).potentiation)


def test_a_file_that_is_no_pulse_train_is_no_device(cli: Runner) -> None:
    with RunWriter.create(
        "a.h5", procedure="iv_sweep", parameters={}, columns=[Column("voltage", "V")]
    ) as run:
        run.append((1.0,))
    assert "is no pulse train" in cli.refused(1, "export", "a.h5", "--to", "aihwkit")
    assert not list(Path().glob("a.a*"))


def test_what_is_exported_is_never_written_over(cli: Runner, tmp_path: Path) -> None:
    store("a.h5")
    assert cli("export", "a.h5", "--to", "csv")[0] == 0
    before = Path("a.csv").read_bytes()
    for out in ([], ["-o", "."], ["-o", str(tmp_path / "a.csv")]):
        message = cli.refused(2, "export", "a.csv", "--to", "csv", "--force", *out)
        assert "a.csv is what is exported; name another file with -o" in message
    assert Path("a.csv").read_bytes() == before
    assert cli("export", "a.csv", "--to", "csv", "-o", "b.csv")[0] == 0
    with pytest.raises(ConfigError, match=r"a\.h5 is what is exported"):
        export_run(Run.open("a.h5"), "csv", Path("a.h5"), force=True)
    assert Run.open("a.h5").status == "finished"


def test_what_was_asked_wrongly_is_refused_in_one_sentence(cli: Runner) -> None:
    store("a.h5")
    store("b.h5")
    Path("sub").mkdir()
    store("sub/a.h5")
    refused = cli.refused
    message = refused(2, "export", "a.h5", "--to", "xls")
    assert "--to is 'xls'; it must be one of csv, parquet, netcdf, zip, aihwkit" in message
    message = refused(2, "export", "a.h5", "--to", "csv", "-o", "a.nc")
    assert "-o a.nc is no .csv file" in message
    message = refused(2, "export", "a.h5", "b.h5", "--to", "csv", "-o", "x.csv")
    assert "x.csv is one file for 2 runs" in message
    message = refused(2, "export", "a.h5", "sub/a.h5", "--to", "csv", "-o", "tables")
    assert "two runs would become" in message
    message = refused(2, "export", "a.h5", "--to", "csv", "--unit", "S")
    assert "--unit is for simulators; for csv import the file first" in message
    assert "does not exist" in refused(1, "export", "no.h5", "--to", "csv")
    assert sorted(path.name for path in Path().iterdir()) == ["a.h5", "b.h5", "sub"]
