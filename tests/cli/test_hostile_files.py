"""The command line on files that are damaged or hostile: one sentence, and an exit code."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from labsyn.data.run import Column, RunWriter

Cli = Callable[..., tuple[int, str, str]]


def store(path: Path, *, finish: bool = True, procedure: str = "P") -> bytes:
    """Return the bytes of a run."""
    columns = [Column("time", "s"), Column("flags")]
    writer = RunWriter.create(path, procedure=procedure, parameters={"n": 3}, columns=columns)
    for i in range(20):
        writer.append((i, 0))
    writer.event("note", "\x1b[2Jgone")
    if finish:
        return writer.finish().read_bytes()
    writer.close()
    return Path(f"{path}.part").read_bytes()


def cut(data: bytes) -> bytes:
    return data[: len(data) // 3]


def zeroed(data: bytes) -> bytes:
    return data[:100] + bytes(len(data) - 100)


def text(data: bytes) -> bytes:
    return b"time,flags\n1,2\n" * 100


def nothing(data: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("damage", [cut, zeroed, text, nothing])
@pytest.mark.parametrize("name", ["a.h5", "a.h5.part"])
def test_a_damaged_file_is_one_sentence(
    tmp_path: Path, cli: Cli, name: str, damage: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / name
    data = store(tmp_path / "a.h5", finish=name == "a.h5")
    path.write_bytes(damage(data if name == "a.h5" else data[:300]))
    for words in (["show", path], ["show", path, "--json"]):
        code, out, err = cli(*words)
        assert (code, out) == (1, "")
        assert err.startswith(f"labsyn: {path} ")
        assert err.count("\n") == 1

    code, out, err = cli("list", tmp_path)
    assert (code, err) == (0, "")
    assert "unreadable" in out

    code, out, err = cli("recover", tmp_path)
    assert (code, err) == (int(name == "a.h5.part"), "")
    assert path.exists()


@pytest.mark.parametrize("finish", [True, False])
def test_no_mutated_file_brings_the_command_line_down(
    tmp_path: Path, cli: Cli, finish: bool
) -> None:
    data = store(tmp_path / "whole.h5", finish=finish)
    rng = random.Random(0)
    (tmp_path / "runs").mkdir()
    ending = ".h5" if finish else ".h5.part"
    for i in range(20):
        broken = bytearray(data)
        for _ in range(30):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        (tmp_path / "runs" / f"{i}{ending}").write_bytes(broken)
    code, out, err = cli("list", tmp_path / "runs")
    assert (code, err) == (0, "")
    assert "20 runs in" in out
    for i in range(20):
        code, out, err = cli("show", tmp_path / "runs" / f"{i}{ending}")
        assert code in (0, 1)
        assert (err == "") is (code == 0)
        assert "Traceback" not in err + out
        assert "not an error that labsyn expects" not in err
    code, out, err = cli("recover", tmp_path / "runs")
    assert (code in (0, 1), err) == (True, "")


def test_a_terminal_gets_no_control_sequences(tmp_path: Path, cli: Cli) -> None:
    store(tmp_path / "a.h5", procedure="\x1b]0;owned\x07")
    for words in (["list", tmp_path], ["show", tmp_path / "a.h5"]):
        code, out, err = cli(*words)
        assert (code, err) == (0, "")
        assert "\x1b" not in out
        assert "\\x1b]0;owned\\x07" in out
    assert "\\x1b[2Jgone" in out


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
@pytest.mark.parametrize("name", ["a.h5", "a.h5.part"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, cli: Cli, name: str) -> None:
    os.mkfifo(tmp_path / name)
    code, out, err = cli("show", tmp_path / name)
    assert (code, out) == (1, "")
    assert "there is no run" in err
    assert "unreadable" in cli("list", tmp_path)[1]
    assert cli("recover", tmp_path)[0] == int(name == "a.h5.part")


def test_a_name_that_no_file_can_have(tmp_path: Path, cli: Cli) -> None:
    code, out, err = cli("show", tmp_path / f"{'x' * 300}.h5")
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "there is no run" in err
