"""A ramp ends where it should, and no step of it is faster than its rate."""

import math

from hypothesis import given
from hypothesis import strategies as st

from labsyn.drivers.ramp import ramp_steps

AMPERES = st.floats(-12, 12)


@given(start=AMPERES, stop=AMPERES, rate=st.floats(0.1, 100))
def test_a_ramp(start: float, stop: float, rate: float) -> None:
    before = start
    for current, seconds in ramp_steps(start, stop, rate):
        assert abs(current - before) <= rate * seconds * (1 + 1e-9) + 1e-12
        assert seconds <= 0.05 + 1e-12
        before = current
    assert math.isclose(before, stop, abs_tol=1e-12)
