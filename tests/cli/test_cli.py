"""The command line as a user meets it: output, files, exit codes, one clear sentence."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from labsyn.data.run import Column, Run, RunWriter

SETTINGS = ["--set", "n_cycles=3", "--set", "n_pulses=12"]


Cli = Callable[..., tuple[int, str, str]]


class Runner:
    """Calls `labsyn`; gives exit code, stdout and stderr."""

    def __init__(self, call: Cli) -> None:
        self._call = call

    def __call__(self, *words: object) -> tuple[int, str, str]:
        return self._call(*words)

    def refused(self, code: int, *words: object) -> str:
        """Return the one sentence of a refusal."""
        found, out, err = self(*words)
        assert (found, out) == (code, "")
        sentences = [line for line in err.splitlines() if line.startswith("labsyn: ")]
        assert len(sentences) == 1, err
        assert "Traceback" not in err
        return sentences[0]


@pytest.fixture
def cli(cli: Cli) -> Runner:
    return Runner(cli)


@pytest.fixture
def run_file(cli: Runner, tmp_path: Path) -> Path:
    code, out, _ = cli("run", "pulse_train", "--device", "lixcoo2", *SETTINGS, "-o", tmp_path)
    assert code == 0
    assert "finished, 73 rows, 0 flagged" in out
    return next(tmp_path.glob("*.h5"))


@pytest.fixture
def fit_file(cli: Runner, run_file: Path) -> Path:
    code, _, _ = cli("fit", run_file)
    assert code == 0
    return next(run_file.parent.glob("*.fit.json"))


def test_version(cli: Runner) -> None:
    from labsyn import __version__

    assert cli("--version") == (0, f"labsyn {__version__}\n", "")


def test_python_m_labsyn() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "labsyn", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.startswith("labsyn ")


def test_help_lists_the_verbs(cli: Runner) -> None:
    code, out, _ = cli("--help")
    assert code == 0
    for verb in ("demo", "run", "fit", "simulate", "show", "watch", "recover"):
        assert verb in out


def test_a_run_is_fitted_and_the_file_says_how_it_was_made(cli: Runner, run_file: Path) -> None:
    code, out, _ = cli("fit", run_file, "--plot")
    assert code == 0
    assert "potentiation: β (recursion, free ends)" in out
    assert "describes the curve" in out
    stem = run_file.with_suffix("").name
    for suffix in (".fit.json", "-curves.png", "-curves.svg", "-updates.png", "-updates.svg"):
        assert (run_file.parent / f"{stem}{suffix}").stat().st_size > 1000
    code, out, _ = cli("show", run_file)
    assert code == 0
    assert "pulse_train" in out
    assert "conductance" in out


def test_a_run_that_was_killed_is_fitted_under_its_name(cli: Runner, run_file: Path) -> None:
    run = Run.open(run_file)
    columns = [Column(name, run.units[name]) for name in run.columns]
    writer = RunWriter.create(
        run_file.with_name("killed.h5"), procedure="pulse_train", parameters={}, columns=columns
    )
    writer.append_rows(run.columns)
    writer.close()
    code, out, _ = cli("fit", writer.path.with_name("killed.h5.part"))
    assert code == 0
    assert "killed.fit.json" in out


def test_one_condition_of_a_run_is_fitted(cli: Runner, tmp_path: Path) -> None:
    voltages = ("--set", "potentiation_voltages=-1.3, -1.6", "--set", "depression_voltages=1.1")
    assert cli("run", "svdp", "--device", "lixcoo2", *voltages, "-o", tmp_path)[0] == 0
    path = next(tmp_path.glob("*.h5"))
    assert "ask for one with condition=1, --condition 1" in cli.refused(1, "fit", path)
    code, out, _ = cli("fit", path, "--condition", 2)
    assert code == 0
    assert f"{path.stem}-condition-2.fit.json" in out
    assert "has no condition 3; it has 1, 2" in cli.refused(1, "fit", path, "--condition", 3)


def test_json_is_only_json(cli: Runner, run_file: Path) -> None:
    for words in (("fit", run_file), ("show", run_file), ("recover", run_file.parent)):
        code, out, _ = cli(*words, "--json")
        assert code == 0
        json.loads(out)


def test_networks_from_a_fit(cli: Runner, fit_file: Path) -> None:
    code, out, _ = cli(
        "simulate", "hopfield", "--device", fit_file, "--images", 4, "--repeat", 1
    )
    assert code == 0
    assert "Hopfield (Oja), 4 images" in out
    code, out, _ = cli("simulate", "cann", "--device", fit_file, "--runs", 20, "--json")
    assert code == 0
    assert {score["condition"] for score in json.loads(out)["scores"]} >= {"ideal", "device"}
    assert len(list(fit_file.parent.glob("*.cann.*"))) == 3  # json, png, svg


def test_ann_from_a_run_file(cli: Runner, run_file: Path) -> None:
    pytest.importorskip("torch", reason="the extra ann is not installed")
    code, out, _ = cli(
        "simulate", "ann", "--device", run_file, "--data", "digits", "--hidden", "16",
        "--epochs", 3, "--repeat", 2,
    )  # fmt: skip
    assert code == 0
    assert "MLP 64-16-10, digits" in out


def test_measured_curves_of_others(cli: Runner, tmp_path: Path) -> None:
    k = np.arange(40)
    up, down = 1 - np.exp(-k / 15), np.exp(-k / 15)
    path = tmp_path / "pulses.csv"
    rows = [f"{a:.6f},{b:.6f}" for a, b in zip(up, down, strict=True)]
    path.write_text("\n".join(rows))
    assert "unit" in cli.refused(1, "fit", path)
    code, out, _ = cli("fit", path, "--unit", "1")
    assert code == 0
    assert "column 1 is potentiation" in out


def test_bad_input(cli: Runner, tmp_path: Path) -> None:
    assert "none.h5 does not exist" in cli.refused(1, "fit", tmp_path / "none.h5")
    text = tmp_path / "text.csv"
    text.write_text("0.1,0.9\n0.2,high\n")
    sentence = cli.refused(1, "fit", text, "--unit", "S")
    assert "line 2" in sentence
    assert "'high'" in sentence
    assert "is no fit of labsyn" in cli.refused(
        1, "simulate", "cann", "--device", _file(tmp_path, "x.json")
    )


def _file(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text("{}")
    return path


def test_beyond_the_limits_nothing_happens(cli: Runner, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    words = ("run", "pulse_train", "--device", "lixcoo2", "-o", out)
    sentence = cli.refused(2, *words, "--set", "potentiation_voltage=-9")
    assert "potentiation_voltage of -9 V at top exceeds the limit of 5 V" in sentence
    assert "nothing was sent" in sentence
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--device", "lixcoo3"], "unknown device 'lixcoo3', known are lixcoo2"),
        (["--device", "lixcoo2", "--set", "pulse_widht=1"], "did you mean 'pulse_width'"),
        (["--device", "lixcoo2", "--set", "pulse_width"], "is not NAME=VALUE"),
        (["--device", "lixcoo2", "--set", "pulse_width=1 V"], "not a quantity in s"),
        ([], "give either --bench FILE or --device NAME"),
        (["--bench", "none.toml"], "none.toml does not exist"),
    ],
)
def test_wrong_usage_of_run(
    cli: Runner, tmp_path: Path, words: list[str], message: str
) -> None:
    assert message in cli.refused(2, "run", "pulse_train", *words, "-o", tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_an_unknown_procedure(cli: Runner) -> None:
    sentence = cli.refused(2, "run", "puls_train", "--device", "lixcoo2")
    assert "did you mean 'pulse_train'" in sentence


def test_an_unknown_verb(cli: Runner) -> None:
    code, _, err = cli("fti")
    assert code == 2
    assert "No such command 'fti'" in err


def test_a_folder_that_cannot_be_written(cli: Runner, run_file: Path) -> None:
    blocked = run_file.parent / "a-file"
    blocked.write_text("")
    sentence = cli.refused(1, "fit", run_file, "-o", blocked / "below")
    assert "cannot write in" in sentence
    assert "-o" in sentence
    words = ("run", "pulse_train", "--device", "lixcoo2", "-o", blocked / "below")
    assert "below" in cli.refused(1, *words)


def test_recover_an_interrupted_run(cli: Runner, run_file: Path) -> None:
    from labsyn.data.run import Column, RunWriter

    path = run_file.parent / "lost.h5"
    writer = RunWriter.create(path, procedure="x", parameters={}, columns=[Column("v", "V")])
    writer.append([1.0])
    writer.close()
    code, out, _ = cli("recover", run_file.parent)
    assert code == 0
    assert "interrupted" in out
    assert path.is_file()
    code, out, _ = cli("recover", run_file.parent)
    assert "nothing to recover" in out


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_aborted_run_is_stored_and_says_130(tmp_path: Path, name: str) -> None:
    words = ["run", "pulse_train", "--device", "lixcoo2", "--set", "n_cycles=15000"]
    child = subprocess.Popen(
        [sys.executable, "-m", "labsyn", *words, "-o", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("*.part")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    child.send_signal(getattr(signal, name))
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    assert "aborted" in out
    assert len(list(tmp_path.glob("*.h5"))) == 1


def test_a_bench_that_cannot_be_reached_says_3(cli: Runner, tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(
        '[instruments.smu]\ndriver = "KeysightB1500A"\n'
        'resource = "TCPIP0::127.0.0.1::9::SOCKET"\n'
        '[roles.pulse_source]\ninstrument = "smu"\nchannel = 1\n'
        '[roles.reader]\ninstrument = "smu"\nchannel = 1\n'
    )
    code, out, err = cli("run", "pulse_train", "--bench", path, "-o", tmp_path / "runs")
    assert (code, out) == (3, "")
    assert "smu" in err
    assert "Traceback" not in err
    assert not (tmp_path / "runs").exists()


def test_an_unsafe_shutdown_says_4(
    cli: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from labsyn.drivers.keysight_b1500a import KeysightB1500A

    def stuck(self: KeysightB1500A) -> None:
        raise OSError("the cable is out")

    monkeypatch.setattr(KeysightB1500A, "shutdown", stuck)
    words = ("run", "pulse_train", "--device", "lixcoo2", "--set", "n_cycles=1", "-o", tmp_path)
    code, _, err = cli(*words)
    assert code == 4
    assert "could not make safe: smu (the cable is out)" in err
    assert len(list(tmp_path.glob("*.h5"))) == 1  # what was measured is kept


def test_what_cannot_be_recovered_says_1(cli: Runner, tmp_path: Path) -> None:
    (tmp_path / "x.h5.part").write_bytes(b"this is no journal")
    code, out, _ = cli("recover", tmp_path)
    assert code == 1
    assert "x.h5.part" in out


def test_the_bench_is_served_over_tcp(tmp_path: Path) -> None:
    words = ["bench", "serve", "--device", "lixcoo2", "--port-base", "0"]
    server = subprocess.Popen(
        [sys.executable, "-m", "labsyn", *words], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        line = server.stdout.readline()
        assert line.startswith("GPIB0::17::INSTR: TCPIP0::127.0.0.1::")
        port = int(line.split("::")[4])
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"*IDN?\n")
            assert b"B1500A" in connection.recv(4096)
    finally:
        server.terminate()
        server.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
def test_ctrl_c_ends_serving_in_one_sentence() -> None:
    words = ["bench", "serve", "--device", "lixcoo2", "--port-base", "0"]
    server = subprocess.Popen(
        [sys.executable, "-m", "labsyn", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts what runs in its background with SIGINT ignored, pytest as well.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert server.stdout is not None
    port = int(server.stdout.readline().split("::")[4])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"*IDN?\n")
        assert b"B1500A" in connection.recv(4096)
        server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=10)
        assert connection.recv(1) == b""
    assert server.returncode == 130
    assert errors == "labsyn: interrupted\n"


def test_wrong_usage_of_serve(cli: Runner) -> None:
    assert "give either --bench FILE or --device NAME" in cli.refused(2, "bench", "serve")


def test_traceback_on_request(cli: Runner, tmp_path: Path) -> None:
    code, _, err = cli("--traceback", "fit", tmp_path / "none.h5")
    assert code == 1
    assert "Traceback" in err
    assert "DataFileError" in err
