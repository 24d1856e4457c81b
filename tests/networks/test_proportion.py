"""Wilson's interval, beside SciPy's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labsyn.data.errors import ModelError
from labsyn.networks.proportion import Proportion


@given(n=st.integers(1, 10_000), share=st.floats(0, 1))
def test_interval_is_that_of_scipy(n: int, share: float) -> None:
    from scipy.stats import binomtest

    k = round(n * share)
    expected = binomtest(k, n).proportion_ci(0.95, method="wilson")
    found = Proportion(k, n)
    assert found.interval == pytest.approx((expected.low, expected.high), abs=1e-12)
    low, high = found.interval
    assert low <= found.value <= high


def test_plain_forms() -> None:
    found = Proportion(20, 20)
    assert str(found) == "1 (0.8389 to 1)"
    assert found.to_dict()["n_successes"] == 20


@pytest.mark.parametrize(("k", "n"), [(1, 0), (-1, 3), (4, 3), (0, 0)])
def test_what_is_no_proportion_is_refused(k: int, n: int) -> None:
    with pytest.raises(ModelError, match=f"{k} successes in {n} trials are no proportion"):
        Proportion(k, n)
