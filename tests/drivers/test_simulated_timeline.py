"""Virtual time with processes: each step at its own time, whoever waits and however long."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from labsyn.drivers.simulated.timeline import Timeline


def ticking(line: Timeline, seen: list[tuple[str, float]], name: str, period: float,
            n: int) -> Iterator[float]:  # fmt: skip
    start = line.now()
    for tick in range(n):
        seen.append((name, line.now()))
        yield start + (tick + 1) * period


def test_processes_interleave_in_time() -> None:
    line = Timeline()
    seen: list[tuple[str, float]] = []
    line.start(ticking(line, seen, "a", 2.0, 3))
    line.start(ticking(line, seen, "b", 3.0, 2))
    line.sleep(100)
    assert seen == [("a", 0), ("b", 0), ("a", 2), ("b", 3), ("a", 4)]
    assert line.now() == 100


@given(st.lists(st.floats(0, 1), max_size=20))
def test_how_a_wait_is_cut_changes_nothing(waits: list[float]) -> None:
    whole, cut = Timeline(), Timeline()
    seen: list[tuple[str, float]] = []
    again: list[tuple[str, float]] = []
    whole.start(ticking(whole, seen, "a", 0.25, 1000))
    cut.start(ticking(cut, again, "a", 0.25, 1000))
    for seconds in waits:
        cut.sleep(seconds)
    whole.sleep_until(cut.now())
    assert seen == again


def test_a_stopped_process_is_forgotten() -> None:
    line = Timeline()
    seen: list[tuple[str, float]] = []
    process = ticking(line, seen, "a", 1.0, 10)
    line.start(process)
    line.sleep(1.5)
    line.stop(process)
    line.stop(process)
    line.sleep(-1)
    line.sleep(10)
    assert seen == [("a", 0), ("a", 1)]
    assert line.now() == 11.5
