"""What all tests share: the README's examples run apart, and a real instrument by option."""

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Name the real instrument of the tests marked ``hardware``."""
    parser.addoption("--resource", help="DRIVER=VISA_NAME of an instrument on the bench")


@pytest.fixture(autouse=True)
def _examples_apart(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if request.node.path.name == "README.md":
        monkeypatch.chdir(tmp_path)
