"""From curves to everything known of a device, and to the file that the networks read."""

import json
from pathlib import Path

import numpy as np
import pytest

from labsyn.analysis.branch import fit_branch
from labsyn.analysis.characterise import characterise, load_synapse
from labsyn.analysis.devices.synapse import Synapse
from labsyn.analysis.symmetry import symmetric_error
from labsyn.data.curves import PulseCurves
from labsyn.data.errors import DataFileError, FitError

DEVICE = Synapse.exponential(
    beta_p=1.5,
    beta_d=0.7,
    n_pulses=40,
    g_min=2e-6,
    g_max=12e-6,
    sigma_c2c=0.002,
    sigma_read=0.003,
)


def measured(n_cycles: int, seed: int = 0, device: Synapse = DEVICE) -> PulseCurves:
    rng = np.random.default_rng(seed)
    g = np.array(device.g_min)
    state = {"p": [], "d": []}  # type: dict[str, list[np.ndarray]]
    for _ in range(n_cycles):
        for key, pulse in (("p", device.potentiate), ("d", device.depress)):
            branch = [g]
            for _ in range(40):
                g = pulse(g, 1, rng)
                branch.append(g)
            state[key].append(device.read(np.array(branch), rng))
    return PulseCurves(
        potentiation=state["p"], depression=state["d"], unit="S", source="made.csv"
    )


@pytest.mark.parametrize("n_cycles", [1, 12])
def test_the_device_is_found_again(n_cycles: int) -> None:
    result = characterise(measured(n_cycles))
    for estimate, truth in (
        (result.potentiation.exponential.beta, 1.5),
        (result.depression.exponential.beta, 0.7),
        (result.g_min, 2e-6),
        (result.g_max, 12e-6),
    ):
        assert abs(estimate.value - truth) < 4 * estimate.standard_error
    synapse = result.synapse("exponential")
    assert synapse.n_levels == 41
    assert synapse.sigma_c2c == pytest.approx(0.002, abs=0.001)
    assert synapse.sigma_read == pytest.approx(0.003, abs=0.001)
    assert result.potentiation.shape.describes


def test_every_number_has_an_uncertainty_and_says_from_where() -> None:
    result = characterise(measured(5))
    plain = result.to_dict()
    for name in (
        "symmetric_error",
        "symmetricity",
        "asymmetric_ratio",
        "on_off_ratio",
        "g_min",
    ):
        assert plain[name]["standard_error"] > 0
        assert plain[name]["source"] == "jackknife over 5 cycles"
        assert plain[name]["low_95"] < plain[name]["value"] < plain[name]["high_95"]
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_symmetric_error_is_that_of_the_mean_loop() -> None:
    curves = measured(6)
    loop = np.mean(curves.potentiation, axis=0), np.mean(curves.depression, axis=0)
    assert characterise(curves).symmetric_error.value == pytest.approx(symmetric_error(*loop))


def test_a_single_cycle_has_simulated_errors() -> None:
    result = characterise(measured(1))
    assert "200 simulated repetitions" in result.symmetric_error.source
    assert "seed 0" in result.potentiation.exponential.beta.source
    assert result.symmetric_error.standard_error > 0


def test_single_cycle_intervals_cover() -> None:
    inside = 0
    for seed in range(40):
        fit = fit_branch(measured(1, seed).potentiation, "potentiation")
        low, high = fit.exponential.beta.interval
        inside += low <= 1.5 <= high
    assert inside >= 33  # 38 would be nominal; the noise itself is known from one curve only


def test_the_file_is_read_back(tmp_path: Path) -> None:
    result = characterise(measured(4))
    path = result.save(tmp_path / "made.fit.json")
    assert load_synapse(path) == result.synapse()
    assert not list(tmp_path.glob("*.tmp"))


def test_an_offset_has_no_ratio_and_no_power_law() -> None:
    curves = measured(4)
    moved = PulseCurves(
        potentiation=[c - 5e-6 for c in curves.potentiation],
        depression=[c - 5e-6 for c in curves.depression],
        unit="S",
        source="made.csv",
    )
    result = characterise(moved)
    assert result.on_off_ratio is None
    assert any("no on/off ratio: G_min is" in note for note in result.notes)
    assert "needs positive values" in result.depression.power_refused
    with pytest.raises(FitError, match="has no power law: the lowest"):
        result.synapse("power")


def test_an_open_loop_is_said_to_be_one() -> None:
    curves = measured(4)
    lifted = PulseCurves(
        potentiation=curves.potentiation,
        depression=[c + 3e-6 for c in curves.depression],
        unit="S",
        source="made.csv",
    )
    notes = characterise(lifted).notes
    assert any(
        "depression starts 30 % of the range from where potentiation ends" in n for n in notes
    )


def test_a_missing_branch() -> None:
    half = PulseCurves(
        potentiation=measured(1).potentiation, depression=[], unit="S", source="x.csv"
    )
    with pytest.raises(FitError, match=r"x\.csv holds no depression branch"):
        characterise(half)


def test_swapped_branches() -> None:
    curves = measured(3)
    swapped = PulseCurves(
        potentiation=curves.depression, depression=curves.potentiation, unit="S", source="x.csv"
    )
    with pytest.raises(FitError, match="potentiation lowers the conductance"):
        characterise(swapped)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "is no fit of labsyn"),
        ("[1, 2]", "is no fit of labsyn"),
        ('{"labsyn_fit": 99, "synapse": {}}', "fit of schema 99, this labsyn reads 1"),
    ],
)
def test_foreign_files(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(DataFileError, match=message):
        load_synapse(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match="does not exist"):
        load_synapse(tmp_path / "none.fit.json")
