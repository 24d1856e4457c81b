"""The MFLI adapter: what it asks of LabOne, and what it says without its package."""

import importlib
import math
from typing import Any

import pytest

from labsyn.data.errors import ConfigError, InstrumentDataError, LimitError
from labsyn.drivers.lock_in import LockIn
from labsyn.drivers.zurich_mfli import ZurichMFLI


class Node:
    """A node of a LabOne tree that notes what is set, and answers what was given."""

    def __init__(
        self, path: str, calls: list[tuple[str, Any]], answers: dict[str, Any]
    ) -> None:
        self._path, self._calls, self._answers = path, calls, answers

    def __getattr__(self, name: str) -> "Node":
        return Node(f"{self._path}/{name}", self._calls, self._answers)

    def __getitem__(self, index: int) -> "Node":
        return Node(f"{self._path}/{index}", self._calls, self._answers)

    def __call__(self, *value: Any) -> Any:
        if value:
            self._calls.append((self._path, value[0]))
            self._answers[self._path] = value[0]
        return self._answers[self._path]


class Session:
    """A session that gives out one device."""

    def __init__(self, **answers: Any) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.answers = dict(answers)
        self.serial = ""

    def connect_device(self, serial: str) -> Node:
        self.serial = serial
        return Node("", self.calls, self.answers)


@pytest.fixture
def session() -> Session:
    return Session()


@pytest.fixture
def mfli(session: Session) -> ZurichMFLI:
    return ZurichMFLI("dev3337", session=session)


def test_what_is_set_where(mfli: ZurichMFLI, session: Session) -> None:
    lock_in: LockIn = mfli
    lock_in.amplitude = 0.1
    lock_in.frequency = 137.0
    lock_in.time_constant = 0.3
    peak = pytest.approx(0.1 * math.sqrt(2))
    assert session.serial == "dev3337"
    assert session.calls == [
        ("/demods/0/enable", 1),
        ("/sigouts/0/range", 1.0),
        ("/sigouts/0/amplitudes/1", peak),
        ("/sigouts/0/enables/1", 1),
        ("/sigouts/0/on", 1),
        ("/oscs/0/freq", 137.0),
        ("/demods/0/timeconstant", 0.3),
    ]
    assert lock_in.amplitude == pytest.approx(0.1)
    assert lock_in.frequency == 137.0
    assert lock_in.time_constant == 0.3


def test_a_reading_and_its_overload(mfli: ZurichMFLI, session: Session) -> None:
    session.answers["/demods/0/sample"] = {"x": [0.05], "y": [-1e-6]}
    session.answers |= {"/sigins/0/max": 0.4, "/sigins/0/min": -0.4}
    assert mfli.read_xy() == (0.05, -1e-6)
    seen = [mfli.overloaded]
    session.answers["/sigins/0/min"] = -1.0
    assert [*seen, mfli.overloaded] == [False, True]
    for sample in ({}, {"x": [math.nan], "y": [0.0]}):
        session.answers["/demods/0/sample"] = sample
        with pytest.raises(
            InstrumentDataError, match=r"answered \{.*\} as a sample, not x and"
        ):
            mfli.read_xy()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("amplitude", 8.0, r"an amplitude of 8 V must be between 0 and 7\.07107 V"),
        ("frequency", 1e6, "a frequency of 1e[+]06 Hz must be between"),
        ("time_constant", math.nan, "a time constant of nan s must be between"),
    ],
)
def test_refusals(
    mfli: ZurichMFLI, session: Session, name: str, value: float, message: str
) -> None:
    sent = len(session.calls)
    with pytest.raises(LimitError, match=message):
        setattr(mfli, name, value)
    assert len(session.calls) == sent


def test_shutdown(mfli: ZurichMFLI, session: Session) -> None:
    mfli.shutdown()
    assert session.calls[-2:] == [("/sigouts/0/amplitudes/1", 0.0), ("/sigouts/0/on", 0)]


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ConfigError, match="pip install zhinst-toolkit"):
        ZurichMFLI("dev3337")
