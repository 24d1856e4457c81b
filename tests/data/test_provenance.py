import getpass
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from labsyn.data import provenance as module
from labsyn.data.provenance import provenance, source_revision, timestamp


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_times_carry_their_offset_from_utc() -> None:
    assert datetime.fromisoformat(timestamp()).utcoffset() is not None


def test_versions_and_computer_are_recorded() -> None:
    import h5py
    import numpy as np

    facts = provenance()
    assert facts["python"] == ".".join(map(str, sys.version_info[:3]))
    assert facts["packages"]["numpy"] == np.__version__
    assert facts["packages"]["h5py"] == h5py.__version__
    assert facts["labsyn"]
    assert facts["operator"] == getpass.getuser()
    assert json.loads(json.dumps(facts)) == facts


def test_a_checkout_is_known_by_its_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "a.py").write_text("1\n")
    git(tmp_path, "add", "a.py")
    git(tmp_path, "commit", "-q", "-m", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert source_revision(tmp_path) == {"git_commit": commit, "git_dirty": False}
    (tmp_path / "a.py").write_text("2\n")
    assert source_revision(tmp_path) == {"git_commit": commit, "git_dirty": True}
    (tmp_path / "inside").mkdir()
    assert source_revision(tmp_path / "inside") == {}  # somebody else's repository


def test_a_checkout_without_a_commit_is_left_out(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert source_revision(tmp_path) == {}


@pytest.mark.parametrize(
    "error", [FileNotFoundError("git"), subprocess.TimeoutExpired("git", 2.0)]
)
def test_no_or_slow_git_does_not_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    (tmp_path / ".git").mkdir()

    def refuse(*arguments: Any, **options: Any) -> None:
        raise error

    monkeypatch.setattr(subprocess, "run", refuse)
    assert source_revision(tmp_path) == {}


def test_an_unknown_user_or_package_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", refuse)
    monkeypatch.setattr(module, "_PACKAGES", ("numpy", "no_such_package"))
    module._facts.cache_clear()
    facts = provenance()
    module._facts.cache_clear()
    assert "operator" not in facts
    assert list(facts["packages"]) == ["numpy"]
