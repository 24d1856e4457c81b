import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labsyn.data import catalogue as catalogue_module
from labsyn.data import catalogue_facts, catalogue_files
from labsyn.data.catalogue import Catalogue
from labsyn.data.catalogue_entry import Entry
from labsyn.data.catalogue_index import NAME
from labsyn.data.errors import DataFileError, QueryError
from labsyn.data.fit_metrics import Metric
from labsyn.data.labels import change_labels
from labsyn.data.run import Column, Run, RunWriter

StartRun = Callable[..., RunWriter]
StoreRun = Callable[..., Path]
MakeOld = Callable[[Path], None]


def _start(path: Path, **changes: Any) -> RunWriter:
    arguments: dict[str, Any] = {
        "procedure": "pulse_train",
        "parameters": {"pulse_width": 5e-3, "n_pulses": 30, "mode": "fast"},
        "parameter_units": {"pulse_width": "s"},
        "columns": [Column("time", "s"), Column("conductance", "S")],
        "metadata": {"sample": {"wafer": "W1", "die": "D3"}, "simulated": True, "seed": 7},
    }
    writer = RunWriter.create(path, **arguments | changes)
    writer.append((0.0, 1e-6))
    writer.append((1.0, 2e-6))
    return writer


@pytest.fixture
def start_run() -> StartRun:
    """Return a function that starts a run of two rows and leaves it open."""
    return _start


@pytest.fixture
def store_run() -> StoreRun:
    """Return a function that stores a run of two rows."""
    return lambda path, **changes: _start(path, **changes).finish()


@pytest.fixture
def make_old() -> MakeOld:
    """Return a function that makes files look as if they had lain there for an hour."""

    def age(folder: Path) -> None:
        for path in folder.rglob("*"):
            if path.is_file():
                stat = path.stat()
                os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns - 3_600_000_000_000))

    return age


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect which runs are really opened."""
    opened: list[str] = []
    read = catalogue_facts.read_entry

    def counted(folder: Path, file: str) -> tuple[Entry, bool]:
        opened.append(file)
        return read(folder, file)

    monkeypatch.setattr(catalogue_facts, "read_entry", counted)
    return opened


def store_fit(run: Path, beta: float = 2.5) -> Path:
    estimate = {"value": beta, "standard_error": 0.1, "unit": ""}
    fit = {"labsyn_fit": 1, "unit": "S", "potentiation": {"exponential": {"beta": estimate}}}
    path = run.with_name(run.name.removesuffix(".h5") + ".fit.json")
    path.write_text(json.dumps(fit))
    return path


def test_an_entry_says_what_the_run_says(tmp_path: Path, store_run: StoreRun) -> None:
    path = store_run(tmp_path / "wafer ä" / "Größe 1.h5")
    store_fit(path)
    change_labels(path, add=["good"], note="ok")
    (entry,) = Catalogue(tmp_path).entries
    run = Run.open(path)
    assert (entry.file, entry.name) == ("wafer ä/Größe 1.h5", "wafer ä/Größe 1")
    for name in ("status", "uuid", "procedure", "parameters", "parameter_units", "duration"):
        assert getattr(entry, name) == getattr(run, name)
    assert (entry.started, entry.ended, entry.n_rows) == (run.start_time, run.end_time, 2)
    assert (entry.sample, entry.simulated, entry.seed) == (run.metadata["sample"], True, 7)
    assert (entry.tags, entry.note, entry.problem) == (("good",), "ok", "")
    assert entry.fit == {"beta_P": Metric(2.5, 0.1, "")}
    assert entry.operator == run.provenance["operator"]


@pytest.mark.parametrize(
    ("metadata", "device"),
    [
        ({"sample": {"device": "mine"}, "device_truth": {"device": "lixcoo2"}}, "mine"),
        ({"device_truth": {"device": "lixcoo2"}}, "lixcoo2"),
        ({"bench": {"simulation": {"device": "titania"}}}, "titania"),
        ({"bench": {"simulation": None}, "sample": "odd"}, ""),
    ],
)
def test_the_device_is_that_of_the_sample_or_the_simulated_one(
    tmp_path: Path, store_run: StoreRun, metadata: dict[str, Any], device: str
) -> None:
    store_run(tmp_path / "a.h5", metadata=metadata)
    assert Catalogue(tmp_path).entries[0].device == device


def test_the_newest_run_comes_first_whatever_the_time_zone(tmp_path: Path) -> None:
    entries = [
        Entry(file="late.h5", started="2026-11-01T10:00:00+01:00"),
        Entry(file="later.h5", started="2026-11-01T09:30:00+00:00"),
        Entry(file="none.h5"),
    ]
    assert sorted(entries, key=lambda e: e.moment)[-1].file == "later.h5"
    assert sorted(entries, key=lambda e: e.moment)[0].file == "none.h5"


def test_runs_are_listed_newest_first(tmp_path: Path, store_run: StoreRun) -> None:
    for name in ("b", "c", "a"):
        store_run(tmp_path / f"{name}.h5")
    assert [entry.name for entry in Catalogue(tmp_path).entries] == ["a", "c", "b"]


def test_only_what_changed_is_read_again(
    tmp_path: Path, store_run: StoreRun, make_old: MakeOld, reads: list[str]
) -> None:
    for name in ("a", "b", "c"):
        store_run(tmp_path / f"{name}.h5")
    make_old(tmp_path)
    Catalogue(tmp_path)
    assert sorted(reads) == ["a.h5", "b.h5", "c.h5"]
    reads.clear()
    catalogue = Catalogue(tmp_path)
    assert (len(catalogue.entries), reads) == (3, [])
    change_labels(tmp_path / "b.h5", add=["good"])
    (tmp_path / "c.h5").unlink()
    store_run(tmp_path / "d.h5")
    catalogue.refresh()
    assert sorted(reads) == ["b.h5", "d.h5"]
    assert {entry.name: entry.tags for entry in catalogue.entries} == {
        "a": (),
        "b": ("good",),
        "d": (),
    }


def test_a_change_that_looks_like_none_is_seen(
    tmp_path: Path, store_run: StoreRun, make_old: MakeOld
) -> None:
    run = store_run(tmp_path / "a.h5")
    make_old(tmp_path)
    change_labels(run, add=["one"])
    labels = tmp_path / "a.tags.json"
    stat = labels.stat()
    catalogue = Catalogue(tmp_path)
    change_labels(run, add=["two"], remove=["one"])
    os.utime(labels, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # a disk with coarse times
    assert labels.stat().st_size == stat.st_size
    catalogue.refresh()
    assert catalogue.entries[0].tags == ("two",)
    assert Catalogue(tmp_path).entries[0].tags == ("two",)


def test_deleting_the_index_loses_nothing(tmp_path: Path, store_run: StoreRun) -> None:
    for name in ("a", "b"):
        store_fit(store_run(tmp_path / f"{name}.h5"))
        change_labels(tmp_path / f"{name}.h5", add=[name], note=f"note {name}")
    before = Catalogue(tmp_path).entries
    (tmp_path / NAME).unlink()
    assert Catalogue(tmp_path).entries == before
    assert sqlite3.connect(tmp_path / NAME).execute("SELECT file FROM runs").fetchall() != []


def broken_indexes() -> dict[str, bytes]:
    foreign = sqlite3.connect(":memory:")
    foreign.execute("CREATE TABLE runs (stamp TEXT, facts TEXT)")
    outdated = sqlite3.connect(":memory:")
    outdated.executescript("PRAGMA application_id = 1280530766; PRAGMA user_version = 1")
    return {
        "empty": b"",
        "no database": b"hello" * 1000,
        "foreign": foreign.serialize(),
        "outdated": outdated.serialize(),
    }


@pytest.mark.parametrize("kind", broken_indexes())
def test_an_index_that_is_none_of_ours_is_made_again(
    tmp_path: Path, store_run: StoreRun, kind: str
) -> None:
    store_run(tmp_path / "a.h5")
    before = Catalogue(tmp_path).entries
    (tmp_path / NAME).write_bytes(broken_indexes()[kind])
    assert Catalogue(tmp_path).entries == before
    assert (tmp_path / NAME).read_bytes() != broken_indexes()[kind]


def test_a_damaged_index_is_made_again_wherever_it_is_cut(
    tmp_path: Path, store_run: StoreRun, make_old: MakeOld
) -> None:
    for i in range(5):
        store_fit(store_run(tmp_path / f"{i}.h5"))
    make_old(tmp_path)
    before = Catalogue(tmp_path).entries
    whole = (tmp_path / NAME).read_bytes()
    for end in range(0, len(whole), 997):
        (tmp_path / NAME).write_bytes(whole[:end])
        assert Catalogue(tmp_path).entries == before
    for text in (b'"uuid"', b'"pulse_train"', b"finished", b"beta_P"):
        spoilt = whole.replace(text, text[:-2] + b"zz", 1)
        assert spoilt != whole
        (tmp_path / NAME).write_bytes(spoilt)
        assert Catalogue(tmp_path).entries == before


def test_a_folder_that_cannot_be_written_is_listed_with_a_notice(
    tmp_path: Path, store_run: StoreRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_run(tmp_path / "a.h5")

    def refuse(path: Path, data: bytes) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    catalogue = Catalogue(tmp_path)
    assert [entry.name for entry in catalogue.entries] == ["a"]
    (notice,) = catalogue.notices
    assert "index.sqlite cannot be written (Read-only file system)" in notice
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


def test_an_index_that_windows_has_open_elsewhere_is_left_and_nothing_lies_about(
    tmp_path: Path, store_run: StoreRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_run(tmp_path / "a.h5")

    def refuse(path: Path, target: Path) -> Path:
        raise PermissionError(13, "Access is denied")

    monkeypatch.setattr(Path, "replace", refuse)
    catalogue = Catalogue(tmp_path)
    assert "Access is denied" in catalogue.notices[0]
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


def test_what_a_killed_program_left_is_swept_after_an_hour(
    tmp_path: Path, store_run: StoreRun, make_old: MakeOld
) -> None:
    (tmp_path / f"{NAME}.abc.tmp").write_bytes(b"x")
    make_old(tmp_path)
    make_old(tmp_path)
    (tmp_path / f"{NAME}.new.tmp").write_bytes(b"x")  # perhaps being written just now
    store_run(tmp_path / "a.h5")
    Catalogue(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [NAME, f"{NAME}.new.tmp", "a.h5"]


def test_one_unreadable_file_never_stops_the_rest(
    tmp_path: Path, store_run: StoreRun, reads: list[str], make_old: MakeOld
) -> None:
    import h5py

    store_run(tmp_path / "good.h5")
    whole = (tmp_path / "good.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.h5").write_text("no HDF5")
    (tmp_path / "torn.h5.part").write_bytes(b"LSJ1H")
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["x"] = 1
    make_old(tmp_path)
    entries = {entry.name: entry for entry in Catalogue(tmp_path).entries}
    assert set(entries) == {"good", "cut", "text", "torn", "foreign"}
    bad = {name: entry for name, entry in entries.items() if name != "good"}
    assert {entry.status for entry in bad.values()} == {"unreadable"}
    assert "cut.h5 is damaged, or no HDF5 file" in entries["cut"].problem
    assert "holds no whole header" in entries["torn"].problem
    assert "no run of labsyn" in entries["foreign"].problem
    assert entries["good"].problem == ""
    reads.clear()
    Catalogue(tmp_path)
    assert reads == []  # they stay what they are until they change


def test_a_file_that_was_only_locked_is_tried_again(
    tmp_path: Path, store_run: StoreRun, make_old: MakeOld, monkeypatch: pytest.MonkeyPatch
) -> None:
    import h5py

    store_run(tmp_path / "a.h5")
    make_old(tmp_path)
    with monkeypatch.context() as patched:

        def refuse(*_: object) -> None:
            raise BlockingIOError(11, "unable to lock file")

        patched.setattr(h5py, "File", refuse)
        assert Catalogue(tmp_path).entries[0].status == "unreadable"
    assert Catalogue(tmp_path).entries[0].status == "finished"


def test_damaged_labels_and_fits_leave_the_run(tmp_path: Path, store_run: StoreRun) -> None:
    run = store_run(tmp_path / "a.h5")
    store_fit(run).write_text("{")
    (tmp_path / "a.tags.json").write_text('{"labsyn_tags": 9}')
    (entry,) = Catalogue(tmp_path).entries
    assert (entry.status, entry.n_rows, entry.fit, entry.tags) == ("finished", 2, {}, ())
    assert "a.tags.json: labels of schema 9" in entry.problem
    assert "a.fit.json is damaged" in entry.problem


def test_journals_are_listed_as_they_are_and_left_alone(
    tmp_path: Path, start_run: StartRun, make_old: MakeOld
) -> None:
    writer = start_run(tmp_path / "a.h5")
    catalogue = Catalogue(tmp_path)
    (entry,) = catalogue.entries
    assert (entry.file, entry.status, entry.n_rows) == ("a.h5", "running", 2)
    writer.append((2.0, 3e-6))
    catalogue.refresh()
    assert catalogue.entries[0].n_rows == 3
    make_old(tmp_path)
    catalogue.refresh()
    writer.close()  # dies: nothing of the file changes
    catalogue.refresh()
    assert catalogue.entries[0].status == "interrupted"
    assert (tmp_path / "a.h5.part").exists()
    Run.open(tmp_path / "a.h5")
    catalogue.refresh()
    (entry,) = catalogue.entries
    assert (entry.file, entry.status, entry.n_rows) == ("a.h5", "interrupted", 3)


def test_an_ended_journal_has_the_status_of_its_end(
    tmp_path: Path, start_run: StartRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = start_run(tmp_path / "a.h5")

    def refuse(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("labsyn.data.compaction.write_nexus", refuse)
    with pytest.raises(OSError, match="No space left"):
        writer.finish("failed", reason="why not")
    assert Catalogue(tmp_path).entries[0].status == "failed"


def test_a_run_that_is_finished_while_it_is_looked_at_is_found(
    tmp_path: Path, store_run: StoreRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_run(tmp_path / "a.h5")
    files = catalogue_files.RunFiles({".h5.part": "1:1"})
    seen: tuple[dict[str, catalogue_files.RunFiles], list[str]] = (
        {"a.h5": files, "gone.h5": catalogue_files.RunFiles({".h5": "1:1"})},
        [],
    )
    monkeypatch.setattr(catalogue_module, "find_run_files", lambda folder: seen)
    entries = {entry.name: entry for entry in Catalogue(tmp_path).entries}
    assert entries["a"].status == "finished"
    assert entries["gone"].status == "unreadable"


def test_hidden_folders_and_other_files_are_no_runs(
    tmp_path: Path, store_run: StoreRun
) -> None:
    run = store_run(tmp_path / "a.h5")
    (tmp_path / ".trash").mkdir()
    shutil.copy(run, tmp_path / ".trash" / "old.h5")
    for name in ("b.h5.tmp", "c.h5.part.12345678.damaged", "d.csv", "e.fit.json"):
        (tmp_path / name).write_text("x")
    assert [entry.name for entry in Catalogue(tmp_path).entries] == ["a"]


def test_a_folder_below_that_cannot_be_looked_into_is_named(
    tmp_path: Path, store_run: StoreRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_run(tmp_path / "a.h5")
    (tmp_path / "secret").mkdir()
    scan = os.scandir

    def refuse(path: Path) -> Any:
        if path.name == "secret":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr("labsyn.data.catalogue_files.os.scandir", refuse)
    catalogue = Catalogue(tmp_path)
    assert [entry.name for entry in catalogue.entries] == ["a"]
    assert "secret cannot be looked into: Permission denied" in catalogue.notices[0]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes as a name")
def test_a_name_that_is_no_text_is_listed(tmp_path: Path, store_run: StoreRun) -> None:
    run = store_run(tmp_path / "a.h5")
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.h5")
    run.rename(odd)
    before = Catalogue(tmp_path).entries
    assert (before[0].status, before[0].name) == ("finished", "\udcff")
    assert Catalogue(tmp_path).entries == before


def test_no_folder_is_an_error_and_so_is_a_run_that_is_not_there(
    tmp_path: Path, store_run: StoreRun
) -> None:
    with pytest.raises(DataFileError, match="nothing is no folder; name the one"):
        Catalogue(tmp_path / "nothing")
    store_run(tmp_path / "a.h5")
    catalogue = Catalogue(tmp_path)
    assert catalogue.find("a") is catalogue.find("a.h5")
    assert catalogue.path("a") == tmp_path / "a.h5"
    with pytest.raises(DataFileError, match="holds no run 'b'"):
        catalogue.find("b")


def test_runs_are_sorted_by_any_name(tmp_path: Path, store_run: StoreRun) -> None:
    for name, beta in (("a", 2.0), ("b", 0.5), ("c", 1.0), ("d", None)):
        run = store_run(tmp_path / f"{name}.h5")
        if beta is not None:
            store_fit(run, beta)
    catalogue = Catalogue(tmp_path)
    for sort, names in (("beta_P", "bcad"), ("-beta_P", "acbd"), ("-name", "dcba")):
        found = catalogue.sort(catalogue.entries, sort)
        assert "".join(entry.name for entry in found) == names
    with pytest.raises(QueryError, match=r"'beta_p' is neither .* did you mean beta_P"):
        catalogue.sort(catalogue.entries, "-beta_p")


_REFRESH = """
import sys
from pathlib import Path
from labsyn.data.catalogue import Catalogue
from labsyn.data.fit_metrics import Metric
from labsyn.data.labels import change_labels
folder, mine = Path(sys.argv[1]), sys.argv[2]
catalogue = Catalogue(folder)
for i in range(8):
    change_labels(folder / f"{mine}.h5", note=str(i))
    catalogue.refresh()
    assert catalogue.find(mine).note == str(i), catalogue.find(mine)
    assert len(catalogue.entries) == 12 and not any(e.problem for e in catalogue.entries)
    assert len(Catalogue(folder).entries) == 12
"""


def test_programs_that_refresh_at_once_do_not_disturb_each_other(
    tmp_path: Path, store_run: StoreRun
) -> None:
    for i in range(12):
        store_run(tmp_path / f"{i}.h5")
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", _REFRESH, str(tmp_path), str(i)],
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(3)
    ]
    for program in programs:
        _, err = program.communicate(timeout=120)
        assert program.returncode == 0, err
    entries = {entry.name: entry for entry in Catalogue(tmp_path).entries}
    assert [entries[str(i)].note for i in range(4)] == ["7", "7", "7", ""]
    assert list(tmp_path.glob("*.tmp")) == []


def test_threads_search_while_another_one_refreshes(
    tmp_path: Path, store_run: StoreRun
) -> None:
    for i in range(6):
        store_run(tmp_path / f"{i}.h5")
    catalogue = Catalogue(tmp_path)
    counts: set[int] = set()
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.001):  # threads that never rest would starve the other one
            counts.add(len(catalogue.search("n_rows = 2")))

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for i in range(10):
            store_run(tmp_path / f"new {i}.h5")
            catalogue.refresh()
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert counts <= set(range(6, 17))
    assert len(catalogue.search("n_rows = 2")) == 16


def test_progress_is_told_for_what_is_read(tmp_path: Path, store_run: StoreRun) -> None:
    for name in ("a", "b"):
        store_run(tmp_path / f"{name}.h5")
    told: list[tuple[float, float]] = []
    Catalogue(tmp_path, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


def test_the_json_of_an_entry_has_only_what_json_knows(tmp_path: Path) -> None:
    fit = {"symmetricity": Metric(float("inf"), 1.0, "")}
    plain = Entry(file="a.h5", fit=fit, tags=("x",), pid=3).to_dict()
    assert (
        json.loads(json.dumps(plain, allow_nan=False))["fit"]["symmetricity"]["value"] is None
    )
    assert (plain["name"], plain["tags"]) == ("a", ["x"])
    assert "pid" not in plain
