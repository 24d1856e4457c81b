"""What the catalogue reads in a fit is what `characterise` wrote."""

import json
from pathlib import Path

import numpy as np
import pytest

from labsyn.analysis.characterise import SCHEMA as WRITTEN
from labsyn.analysis.characterise import characterise
from labsyn.data.curves import PulseCurves
from labsyn.data.errors import DataFileError
from labsyn.data.fit_metrics import METRICS, SCHEMA, fit_path, read_fit, read_metrics


def test_every_metric_is_found_in_a_real_fit(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    rising = 1e-6 + 9e-6 * (1 - np.exp(-np.arange(31) / 15))
    curves = PulseCurves(
        potentiation=[rising + rng.normal(0, 2e-8, 31) for _ in range(3)],
        depression=[rising[::-1] + rng.normal(0, 2e-8, 31) for _ in range(3)],
        unit="S",
        source="a.h5",
        sha256="abc",
    )
    result = characterise(curves)
    assert result.potentiation.power is not None
    run = tmp_path / "a.h5"
    result.save(fit_path(run))
    found = read_metrics(run)
    assert WRITTEN == SCHEMA
    assert set(found) == set(METRICS)
    for name, estimate, unit in (
        ("beta_P", result.potentiation.exponential.beta, ""),
        ("beta_D", result.depression.exponential.beta, ""),
        ("alpha_P", result.potentiation.power.alpha, ""),
        ("step_D", result.depression.exponential.step, "S"),
        ("sigma_c2c_P", result.potentiation.updates.sigma_c2c, "S"),
        ("symmetric_error", result.symmetric_error, ""),
        ("asymmetric_ratio", result.asymmetric_ratio, ""),
        ("on_off_ratio", result.on_off_ratio, ""),
        ("g_max", result.g_max, "S"),
    ):
        assert estimate is not None
        assert found[name] == (estimate.value, estimate.standard_error, unit)
    assert read_fit(run)["source_sha256"] == "abc"


def test_what_a_fit_has_not_is_left_out(tmp_path: Path) -> None:
    run = tmp_path / "a.h5"
    assert read_metrics(run) == {}
    fit_path(run).write_text(
        '{"labsyn_fit": 1, "unit": "1", "on_off_ratio": null, "g_min": {"value": NaN},'
        '"g_max": {"value": 1, "unit": "1"}, "symmetric_error": {"value": true},'
        '"symmetricity": {"value": Infinity}, "asymmetric_ratio": {"value": 1'
        + "0"
        * 400
        + "},"
        '"potentiation": [], "depression": {"exponential": 3}}'
    )
    assert read_metrics(run) == {
        "g_max": (1.0, None, ""),
        "symmetricity": (float("inf"), None, ""),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"a\.fit\.json is damaged; make it again with 'labsyn fit'"),
        ("[]", "fit of schema None, this labsyn reads 1"),
        (json.dumps({"labsyn_fit": 7}), "fit of schema 7, this labsyn reads 1"),
    ],
)
def test_a_file_that_is_no_fit_is_refused(tmp_path: Path, text: str, message: str) -> None:
    fit_path(tmp_path / "a.h5").write_text(text)
    with pytest.raises(DataFileError, match=message):
        read_metrics(tmp_path / "a.h5")


def test_a_fit_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    fit_path(tmp_path / "a.h5").mkdir()
    with pytest.raises(DataFileError, match=r"a\.fit\.json cannot be read"):
        read_metrics(tmp_path / "a.h5")
