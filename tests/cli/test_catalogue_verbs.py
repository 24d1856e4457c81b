"""list, search, show, tag and note, as a user meets them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labsyn.data.labels import read_labels
from labsyn.data.run import Column, RunWriter

Cli = Callable[..., tuple[int, str, str]]


class Runner:
    """Calls `labsyn` in a folder of its own; gives exit code, stdout and stderr."""

    def __init__(self, call: Cli) -> None:
        self._call = call

    def __call__(self, *words: object) -> tuple[int, str, str]:
        return self._call(*words)

    def json(self, *words: object) -> Any:
        code, out, err = self(*words, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)

    def refused(self, *words: object) -> str:
        code, out, err = self(*words)
        assert (code != 0, out) == (True, "")
        assert "Traceback" not in err
        return err


@pytest.fixture
def cli(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Runner:
    monkeypatch.chdir(tmp_path)
    return Runner(cli)


def store(path: str, wafer: str = "W1", beta: float | None = None) -> Path:
    with RunWriter.create(
        path,
        procedure="pulse_train",
        parameters={"pulse_width": 5e-3},
        parameter_units={"pulse_width": "s"},
        columns=[Column("time", "s", "Time")],
        metadata={
            "sample": {"wafer": wafer, "device": "lixcoo2"},
            "limits": {"voltage": 5.0},
            "instruments": {
                "smu": {"idn": "MAKER,B1500A", "settings": {"outputs": "CL", "adc": "AIT0"}}
            },
            "bench_file": "[instruments.smu]",
        },
    ) as writer:
        writer.append((0.0,))
        writer.event("warning", "contact?")
        writer.update_metadata(
            {"instruments_after": {"smu": {"outputs": "CN1", "adc": "AIT0"}}}
        )
    run = Path(path)
    if beta is not None:
        estimate = {"value": beta, "standard_error": 0.1, "unit": ""}
        fit = {"labsyn_fit": 1, "potentiation": {"exponential": {"beta": estimate}}}
        run.with_suffix(".fit.json").write_text(json.dumps(fit))
    return run


def test_list_shows_the_runs_newest_first(cli: Runner) -> None:
    store("runs/a.h5", beta=2.5)
    store("runs/Wafer ä/b c.h5")
    cli("tag", "a", "+good")
    code, out, err = cli("list")
    assert (code, err) == (0, "")
    assert "2 runs in runs" in out
    assert out.index("Wafer ä/b c") < out.index("│ a ")
    for text in ("pulse_train", "lixcoo2", "wafer=W1", "finished", "good", "β_P", "2.5 ± 0.1"):
        assert text in out
    assert "β_D" not in out
    assert "problem" not in out
    assert [run["name"] for run in cli.json("list")] == ["Wafer ä/b c", "a"]
    assert [run["name"] for run in cli.json("list", "runs/Wafer ä")] == ["b c"]


def test_list_sorts_and_limits_and_says_what_it_left_out(cli: Runner) -> None:
    for name, beta in (("a", 1.0), ("b", 3.0), ("c", 2.0)):
        store(f"runs/{name}.h5", beta=beta)
    names = [run["name"] for run in cli.json("list", "--sort", "beta_P", "--limit", 2)]
    assert names == ["a", "c"]
    assert [run["name"] for run in cli.json("list", "--sort=-beta_P")] == ["b", "c", "a"]
    _, out, _ = cli("list", "--limit", 1)
    assert out.endswith("2 more; --limit 0 prints all\n")
    _, out, _ = cli("list", "--limit", 0)
    assert "more" not in out


def test_a_long_table_says_that_it_is_cut(cli: Runner) -> None:
    source = store("runs/0.h5").read_bytes()
    for i in range(1, 52):
        Path(f"runs/{i}.h5").write_bytes(source)
    _, out, _ = cli("list")
    assert "52 runs in runs" in out
    assert "2 more; --limit 0 prints all" in out
    assert len(cli.json("list")) == 52


def test_list_without_runs_says_what_to_do(cli: Runner) -> None:
    assert "there is no folder 'runs' here: measure something first" in cli.refused("list")
    assert "nowhere is no folder" in cli.refused("list", "nowhere")
    Path("runs").mkdir()
    code, out, _ = cli("list")
    assert code == 0
    assert out.startswith("no runs in runs: measure one (labsyn run pulse_train")
    assert cli.json("list") == []


def test_list_names_what_cannot_be_read(cli: Runner) -> None:
    store("runs/a.h5")
    Path("runs/b.h5").write_text("nothing")
    code, out, _ = cli("list")
    assert code == 0
    assert "unreadable" in out
    assert "problem" in out


def test_a_folder_that_cannot_be_written_is_noticed(
    cli: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    store("runs/a.h5")

    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("labsyn.data.catalogue.save_index", refuse)
    code, out, err = cli("list")
    assert (code, "1 run in runs" in out) == (0, True)
    assert err.startswith("notice: ")
    assert "cannot be written (Read-only file system)" in err


def test_search(cli: Runner) -> None:
    store("runs/a.h5", beta=2.5)
    store("runs/b.h5", wafer="W2")
    query = "beta_P > 2 and device = lixcoo2 and pulse_width < 10 ms"
    assert [run["name"] for run in cli.json("search", query)] == ["a"]
    assert [run["name"] for run in cli.json("search", "wafer = W2", "runs")] == ["b"]
    code, out, _ = cli("search", "wafer = W3")
    assert (code, out) == (0, "no run in runs is like that, of 2 runs\n")
    assert cli.json("search", "wafer = W3") == []
    code, out, err = cli("search", "betap > 2")
    assert (code, out) == (2, "")
    assert err.startswith("labsyn: 'betap' is neither a fact")
    assert err.endswith("  betap > 2\n  ^^^^^\n")


def test_tags_come_and_go(cli: Runner) -> None:
    run = store("runs/a.h5")
    assert cli("tag", "a", "+good", "+hot") == (0, f"{run}: good hot\n", "")
    assert cli("tag", "runs/a.h5", "-hot", "+b") == (0, f"{run}: b good\n", "")
    assert cli("tag", "runs/a") == (0, f"{run}: b good\n", "")
    assert cli("tag", "a", "-b", "-good") == (0, f"{run}: no tags\n", "")
    assert "'good': write +good to add the tag, -good" in cli.refused("tag", "a", "good")
    assert "is not tagged 'x'; it has no tags" in cli.refused("tag", "a", "-x")
    assert "'two words' cannot be a tag" in cli.refused("tag", "a", "+two words")
    assert "there is no run b, here or in runs" in cli.refused("tag", "b", "+x")


def test_notes_come_and_go(cli: Runner) -> None:
    run = store("runs/a.h5")
    assert cli("note", "a") == (0, f"{run}: no note\n", "")
    assert cli("note", "a", "undichter Kontakt") == (0, f"{run}: undichter Kontakt\n", "")
    assert read_labels(run).note == "undichter Kontakt"
    assert cli("note", "a", "") == (0, f"{run}: no note\n", "")


def test_a_running_measurement_can_be_tagged(cli: Runner) -> None:
    Path("runs").mkdir()
    columns = [Column("time", "s")]
    writer = RunWriter.create("runs/a.h5", procedure="p", parameters={}, columns=columns)
    assert cli("tag", "runs/a.h5.part", "+good")[0] == 0
    assert [(run["status"], run["tags"]) for run in cli.json("list")] == [("running", ["good"])]
    writer.finish()
    assert [run["tags"] for run in cli.json("list")] == [["good"]]


def test_show_tells_everything(cli: Runner) -> None:
    store("runs/a.h5", beta=2.5)
    cli("tag", "a", "+good")
    cli("note", "a", "leaky")
    code, out, _ = cli("show", "a")
    assert code == 0
    for text in (
        "finished", "good", "leaky", "pulse_width", "5 ms", "wafer", "MAKER,B1500A", "CL → CN1",
        "AIT0", "voltage", "contact?", "made with", "Time", "beta_P", "2.5",
        "the fit was made from another file",
    ):  # fmt: skip
        assert text in out, text
    assert "[instruments.smu]" not in out
    assert "[instruments.smu]" in cli("show", "a", "--bench")[1]
    (shown,) = cli.json("show", "a")
    assert (shown["tags"], shown["note"]) == (["good"], "leaky")
    assert shown["fit"]["beta_P"]["value"] == 2.5
    assert shown["events"][0]["text"] == "contact?"
    assert shown["metadata"]["limits"] == {"voltage": 5.0}


def test_show_tells_what_failed_and_what_is_damaged_beside_it(cli: Runner) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        RunWriter.create("a.h5", procedure="p", parameters={}, columns=[Column("x")]),
    ):
        raise ZeroDivisionError("nothing to divide by")
    Path("a.tags.json").write_text("{")
    Path("a.fit.json").write_text("{")
    code, out, _ = cli("show", "a.h5")
    assert code == 0
    assert "ZeroDivisionError: nothing to divide by" in out
    assert "a.tags.json is damaged" in out
    assert "a.fit.json is damaged" in out
    Path("b.h5").write_text("x")
    assert "b.h5 is damaged" in cli.refused("show", "b.h5")
