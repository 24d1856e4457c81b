"""Examples of the README run in a folder of their own, not in the checkout."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _examples_apart(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if request.node.path.name == "README.md":
        monkeypatch.chdir(tmp_path)
