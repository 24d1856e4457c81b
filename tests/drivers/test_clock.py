"""Both clocks: time passes, never back, and an abort ends a wait."""

import threading

from labsyn.drivers.clock import Clock, RealClock, VirtualClock


def test_virtual_time_passes_at_once() -> None:
    clock: Clock = VirtualClock()
    clock.sleep(1000.0)
    clock.sleep(-5.0)
    assert clock.now() == 1000.0
    VirtualClock().wake()


def test_real_time_passes() -> None:
    clock = RealClock()
    before = clock.now()
    clock.sleep(0.01)
    clock.sleep(0)
    assert clock.now() - before >= 0.009


def test_an_abort_ends_a_real_wait() -> None:
    clock = RealClock()
    threading.Timer(0.05, clock.wake).start()
    clock.sleep(60.0)
    assert clock.now() < 30
