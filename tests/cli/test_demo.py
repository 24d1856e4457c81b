"""The demo: one command, every joint of the chain, and what it leaves behind."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, "-m", "labsyn", "demo", "-o", str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    return folder, done.stdout


def test_it_prints_one_table_and_says_where_everything_is(demo: tuple[Path, str]) -> None:
    folder, out = demo
    assert out.count("┏") == 1
    for words in ("β (recursion", "α (power law)", "symmetric error", "AR (mirrored)",
                  "dynamic range", "Hopfield (Oja)", "CANN", "MLP"):  # fmt: skip
        assert words in out
    for name in ("runs", "figures", "report.html", "results.json"):
        assert (folder / name).exists()


def test_the_numbers_are_those_of_the_device(demo: tuple[Path, str]) -> None:
    results = json.loads((demo[0] / "results.json").read_text(encoding="utf-8"))
    for branch, key in (("potentiation", "beta_p"), ("depression", "beta_d")):
        beta = results["fit"][branch]["exponential"]["beta"]
        assert abs(beta["value"] - results["truth"][key]) < 4 * beta["standard_error"]
    assert results["fit"]["on_off_ratio"]["value"] == pytest.approx(4, rel=0.15)
    oja = [s for s in results["networks"]["hopfield"]["scores"] if s["rule"] == "oja"]
    assert all(score["near"]["value"] > 0.9 for score in oja)
    ann = results["networks"]["ann"]
    assert ann is not None
    assert ann["digital"]["value"] > 0.9


def test_the_report_stands_alone(demo: tuple[Path, str]) -> None:
    page = (demo[0] / "report.html").read_text(encoding="utf-8")
    assert not re.findall(r"(?:src|href)=[\"'](?!data:)", page)
    assert "<script" not in page
    assert page.count("data:image/png;base64,") == 5
    assert "SHA-256" in page
