"""Exported devices, played by the update rules of the simulators that they are for.

The rules are written here from the sources of aihwkit 1.2, MLP+NeuroSim 3.0 and CrossSim 2.
"""

import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from labsyn.analysis.devices.laws import PowerLaw
from labsyn.analysis.devices.synapse import Synapse
from labsyn.analysis.simulators.aihwkit import (
    AihwkitDevice,
    aihwkit_devices,
    exp_step,
    piecewise_step,
    soft_bounds,
)
from labsyn.analysis.simulators.device import MeasuredDevice
from labsyn.analysis.simulators.formats import DEVICE_FORMATS
from labsyn.analysis.simulators.neurosim import neurosim
from labsyn.analysis.simulators.relaxation import nonlinearity_label
from labsyn.data.curves import FloatArray, PulseCurves, load_curves
from labsyn.data.errors import ConfigError, FitError

N = 40
G_MIN, G_MAX = 10e-6, 40e-6
C2C, READ = 0.002, 0.001


def measured(up: FloatArray, down: FloatArray, unit: str = "S", noise: float = READ) -> Any:
    """Return the device of five cycles of a mean curve, with the noise of a read."""
    rng = np.random.default_rng(5)
    span = up[-1] - up[0]

    def cycles(mean: FloatArray) -> list[FloatArray]:
        return [mean + noise * span * rng.standard_normal(mean.size) for _ in range(5)]

    return MeasuredDevice.of(
        PulseCurves(
            potentiation=cycles(up),
            depression=cycles(down),
            unit=unit,
            source="runs/a.h5",
            sha256="0123abcd",
        )
    )


def between(progress: FloatArray) -> FloatArray:
    return G_MIN + (G_MAX - G_MIN) * progress


@pytest.fixture(scope="module")
def exponential() -> MeasuredDevice:
    """A device of the exponential law, which remembers the noise of its pulses."""
    law = Synapse.exponential(
        beta_p=1.5, beta_d=2.5, n_pulses=N, g_min=G_MIN, g_max=G_MAX, sigma_c2c=C2C
    )
    rng = np.random.default_rng(3)
    up, down = [], []
    for _ in range(5):
        g = [G_MIN]
        for _ in range(N):
            g.append(float(law.potentiate(g[-1], 1, rng)))
        up.append(np.array(g))
        for _ in range(N):
            g.append(float(law.depress(g[-1], 1, rng)))
        down.append(np.array(g[N:]))
    return MeasuredDevice.of(
        PulseCurves(
            potentiation=up, depression=down, unit="S", source="runs/a.h5", sha256="0123abcd"
        )
    )


def relaxing(a: float) -> FloatArray:
    """Return NeuroSim's curve of a parameter A, from 0 to 1."""
    part = np.arange(N + 1) / N
    return (1 - np.exp(-part / a)) / (1 - math.exp(-1 / a))


@pytest.fixture(scope="module")
def relaxed() -> MeasuredDevice:
    """A device of NeuroSim's law, NL = 2.4 and -4.88 (its Ag:a-Si)."""
    return measured(between(relaxing(0.4812)), between(1 - relaxing(0.1824)))


@pytest.fixture(scope="module")
def power() -> MeasuredDevice:
    """A device of the power law, α = -0.5, which is neither of the two others."""
    ratio = G_MAX / G_MIN
    synapse = Synapse(
        g_min=G_MIN,
        g_max=G_MAX,
        potentiation=PowerLaw(alpha=-0.5, n_pulses=N, on_off_ratio=ratio),
        depression=PowerLaw(alpha=-0.5, n_pulses=N, on_off_ratio=ratio, rising=False),
        n_potentiation=N,
        n_depression=N,
    )
    return measured(synapse.curve(), synapse.curve(rising=False))


@pytest.fixture(scope="module")
def sigmoid() -> MeasuredDevice:
    """A device that is slow at both ends: of no law."""
    part = np.linspace(-1, 1, N + 1)
    curve = 0.5 + 0.5 * np.tanh(2.2 * part) / math.tanh(2.2)
    return measured(between(curve), between(1 - curve), noise=1e-4)


def play(device: AihwkitDevice, n_up: int, n_down: int, w: float = -1.0) -> list[float]:
    """Return the weights of aihwkit's device, without noise."""
    p = SimpleNamespace(**device.parameters)
    up_bias, down_bias = (0.0, -p.up_down) if p.up_down > 0 else (p.up_down, 0.0)
    up, down = (1 + up_bias) * p.dw_min, (1 + down_bias) * p.dw_min
    f = np.float32

    def exp_steps(w: float) -> tuple[float, float]:
        z = 2 * f(w) / f(p.w_max - p.w_min) * f(p.a) + f(p.b)
        y_up = max(f(1) - f(p.A_up) * np.exp(f(p.gamma_up) * z), f(0))
        y_down = max(f(1) - f(p.A_down) * np.exp(f(p.gamma_down) * -z), f(0))
        return float(y_up) * up, float(y_down) * down

    def bounded(w: float) -> tuple[float, float]:
        return up - up / p.w_max * w, down - down / p.w_min * w

    def pieces(w: float) -> tuple[float, float]:
        n = len(p.piecewise_up) - 1
        at = max((w - p.w_min) / (p.w_max - p.w_min) * n, 0)
        i = min(math.floor(at), n - 1)
        t = min(at - i, 1)

        def interpolated(nodes: list[float]) -> float:
            return (1 - t) * nodes[i] + t * nodes[i + 1]

        return up * interpolated(p.piecewise_up), down * interpolated(p.piecewise_down)

    steps = {
        "ExpStepDevice": exp_steps,
        "SoftBoundsDevice": bounded,
        "PiecewiseStepDevice": pieces,
    }[device.kind]
    weights = [w]
    for k in range(n_up + n_down):
        step_up, step_down = steps(w)
        w = w + step_up if k < n_up else w - step_down
        w = max(min(w, p.w_max), p.w_min)
        weights.append(w)
    return weights


def loop(device: MeasuredDevice) -> FloatArray:
    """Return the measured mean loop as weights."""
    up, down = device.progress("potentiation"), 1 - device.progress("depression")
    return 2 * np.concatenate([up, down[1:]]) - 1


def test_exp_step_is_the_exponential_law(exponential: MeasuredDevice) -> None:
    device = exp_step(exponential)
    synapse = exponential.synapse("exponential")
    up = synapse.curve()
    down = [up[-1]]
    for _ in range(N):
        down.append(float(synapse.depress(down[-1])))
    expected = 2 * (np.concatenate([up, down[1:]]) - synapse.g_min) / synapse.g_range - 1
    np.testing.assert_allclose(play(device, N, N), expected, atol=2e-5)
    np.testing.assert_allclose(play(device, N, N), loop(exponential), atol=0.03)


def test_exp_step_noise_is_that_of_the_device_at_every_weight(
    exponential: MeasuredDevice,
) -> None:
    p = SimpleNamespace(**exp_step(exponential).parameters)
    for dw in (0.0, 0.1):
        sigma = p.dw_min_std * (dw + p.dw_min_std_add + p.dw_min_std_slope)
        assert sigma == pytest.approx(2 * exponential.synapse().sigma_c2c, rel=2e-3)
    assert exponential.synapse().sigma_c2c == pytest.approx(C2C, rel=0.3)


def test_soft_bounds_are_neurosims_law(relaxed: MeasuredDevice) -> None:
    device = soft_bounds(relaxed)
    np.testing.assert_allclose(play(device, N, N), loop(relaxed), atol=0.01)
    assert device.parameters["w_max"] == pytest.approx(
        2 / (1 - math.exp(-1 / 0.4812)) - 1, rel=0.01
    )
    assert device.parameters["up_down"] < 0  # the steps down are larger
    up, down = relaxed.relaxations["potentiation"], relaxed.relaxations["depression"]
    turned = MeasuredDevice(relaxed.curves, relaxed.fit)
    turned.__dict__["relaxations"] = {"potentiation": down, "depression": up}
    with pytest.raises(FitError, match="soft bounds misses the curve by"):
        soft_bounds(turned)


def test_larger_steps_up_are_soft_bounds_too() -> None:
    device = measured(between(relaxing(0.1824)), between(1 - relaxing(0.4812)))
    exported = soft_bounds(device)
    assert exported.parameters["up_down"] > 0
    np.testing.assert_allclose(play(exported, N, N), loop(device), atol=0.01)


def test_a_piecewise_step_is_any_law(
    power: MeasuredDevice, exponential: MeasuredDevice
) -> None:
    assert piecewise_step(power).source == "up: power law; down: power law"
    for device in (power, exponential):
        np.testing.assert_allclose(play(piecewise_step(device), N, N), loop(device), atol=0.03)


def test_what_no_law_describes_becomes_a_table_of_the_data(sigmoid: MeasuredDevice) -> None:
    (device,), refused = aihwkit_devices(sigmoid)
    assert device.kind == "PiecewiseStepDevice"
    assert device.source == "up: mean curve, without a law; down: mean curve, without a law"
    np.testing.assert_allclose(play(device, N, N), loop(sigmoid), atol=0.06)
    assert set(refused) == {"ExpStepDevice", "SoftBoundsDevice"}
    assert "exponential law misses the curve by 11" in refused["ExpStepDevice"]
    with pytest.raises(FitError, match=r"NeuroSim's law misses the curve by .*; at most 5%"):
        neurosim(sigmoid)


def test_a_device_that_rests_on_its_way_is_refused(tmp_path: Path) -> None:
    half = np.linspace(0, 0.5, 15)
    curve = np.concatenate([half, np.full(30, 0.5), 0.5 + half[1:]])
    device = measured(between(curve), between(1 - curve), noise=1e-4)
    message = r"no device of aihwkit is like this one: ExpStep.*; Piecewise.*at most 5%"
    with pytest.raises(FitError, match=message):
        DEVICE_FORMATS["aihwkit"].write(device, tmp_path / "a.aihwkit.json", force=False)
    with pytest.raises(FitError, match=r"a table of the .* misses the curve by"):
        DEVICE_FORMATS["crosssim"].write(device, tmp_path / "a.crosssim", force=False)
    assert list(tmp_path.iterdir()) == []


def test_a_curve_that_accelerates_has_no_soft_bounds() -> None:
    device = measured(between(1 - relaxing(0.6)[::-1]), between(relaxing(0.6)[::-1]))
    with pytest.raises(FitError, match=r"does not saturate \(1/A = -1.6.*\), soft bounds do"):
        soft_bounds(device)
    assert neurosim(device)["parameters"]["NL_P"]["value"] < 0


# Entries of `getParamA` in formula.cpp of MLP+NeuroSim 3.0, whose argument is NL.
@pytest.mark.parametrize(
    ("label", "a"), [(0.01, 126.268958), (1.02, 1.226672), (8.95, 0.024129), (9.0, 0.022810)]
)
def test_labels_are_those_of_neurosims_table(label: float, a: float) -> None:
    assert nonlinearity_label(1 / a) == pytest.approx(label, abs=2e-5)
    assert nonlinearity_label(-1 / a) == pytest.approx(-label, abs=2e-5)


def test_labels_are_continuous_at_the_straight_line() -> None:
    assert nonlinearity_label(0.0) == 0
    assert nonlinearity_label(0.99e-6) == pytest.approx(nonlinearity_label(1.01e-6), rel=0.03)


def test_neurosim_plays_the_measured_loop(relaxed: MeasuredDevice) -> None:
    said = neurosim(relaxed)
    p = said["parameters"]
    assert p["NL_P"]["value"] == pytest.approx(nonlinearity_label(1 / 0.4812), abs=0.03)
    assert p["NL_D"]["value"] == pytest.approx(-nonlinearity_label(1 / 0.1824), abs=0.03)
    assert p["NL_P"]["low_95"] < p["NL_P"]["value"] < p["NL_P"]["high_95"]
    g_range = p["Gmax"] - p["Gmin"]

    def write(g: float, a: float, levels: int, pulses: int) -> float:  # RealDevice::Write
        a *= levels
        b = g_range / (1 - math.exp(-levels / a))
        x = -a * math.log(1 - (g - p["Gmin"]) / b)
        return b * (1 - math.exp(-(x + pulses) / a)) + p["Gmin"]

    g = [p["Gmin"]]
    for _ in range(N):
        g.append(write(g[-1], p["A_P"], p["levels_P"], 1))
    for _ in range(N):
        g.append(write(g[-1], p["A_D"], p["levels_D"], -1))
    weights = 2 * (np.array(g) - p["Gmin"]) / g_range - 1
    np.testing.assert_allclose(weights, loop(relaxed), atol=0.012)
    assert f"NL_LTP = {p['NL_P']['value']:.2f};" in said["mlp_neurosim_cell_cpp"]
    assert "--max_level 40" in said["dnn_neurosim_train_py"]
    assert p["d2d"] == 0
    assert any("device to device is unknown" in note for note in said["notes"])


def test_a_curve_beyond_neurosims_labels_is_refused() -> None:
    up = between(relaxing(0.02))
    with pytest.raises(FitError, match=r"of this curve is .*; its labels end at 9"):
        neurosim(measured(up, between(1 - relaxing(0.5))))


def test_crosssim_reads_the_tables(exponential: MeasuredDevice, tmp_path: Path) -> None:
    files, said = DEVICE_FORMATS["crosssim"].write(exponential, tmp_path / "a", force=False)
    assert [file.name for file in files] == [
        "dG_increasing.txt", "dG_decreasing.txt", "set.csv", "reset.csv", "origin.json",
    ]  # fmt: skip
    assert said[0].startswith("steps of potentiation: exponential law, misfit 0.")
    synapse = exponential.synapse()
    grids = []
    for name, sign in (("dG_increasing.txt", 1), ("dG_decreasing.txt", -1)):
        path = tmp_path / "a" / name
        assert "sha256 0123abcd" in path.read_text().splitlines()[0]
        # As CrossSim 2 does it.
        bins = np.genfromtxt(path, delimiter=",", skip_header=1, max_rows=1)
        points = np.genfromtxt(path, delimiter=",", skip_header=2, max_rows=1)
        matrix = np.genfromtxt(path, delimiter=",", skip_header=3)
        assert matrix.shape == (points.size, bins.size)
        assert (np.diff(matrix, axis=0) >= 0).all()
        progress = (bins - synapse.g_min) / synapse.g_range
        law = synapse.potentiation if sign > 0 else synapse.depression
        expected = sign * law.increment(progress if sign > 0 else 1 - progress)
        # CrossSim draws the row nearest to a uniform number: the outer two half as often.
        weight = np.full(points.size, 1 / (points.size - 1))
        weight[[0, -1]] /= 2
        mean = weight @ matrix
        np.testing.assert_allclose(mean / synapse.g_range, expected, rtol=2e-3)
        sigma = np.sqrt(weight @ (matrix - mean) ** 2) / synapse.g_range
        np.testing.assert_allclose(sigma, synapse.sigma_c2c, rtol=2e-3)
        grids.append((bins, points))
    np.testing.assert_array_equal(grids[0][0], grids[1][0])
    np.testing.assert_array_equal(grids[0][1], grids[1][1])
    assert (grids[0][0][0], grids[0][0][-1]) == (synapse.g_min, pytest.approx(synapse.g_max))


def test_labsyn_reads_the_ramps_again(exponential: MeasuredDevice, tmp_path: Path) -> None:
    DEVICE_FORMATS["crosssim"].write(exponential, tmp_path, force=False)
    again = load_curves([tmp_path / "set.csv", tmp_path / "reset.csv"], "S")
    np.testing.assert_array_equal(again.potentiation, exponential.curves.potentiation)
    np.testing.assert_array_equal(again.depression, exponential.curves.depression)


def test_tables_are_laid_out_as_genuine_ones(
    exponential: MeasuredDevice, tmp_path: Path
) -> None:
    folder = os.environ.get("LABSYN_MEASURED")
    if not folder:
        pytest.skip("LABSYN_MEASURED names no folder with CrossSim's tables")
    DEVICE_FORMATS["crosssim"].write(exponential, tmp_path, force=False)
    for name in ("dG_increasing.txt", "dG_decreasing.txt"):
        genuine = (Path(folder, "crosssim/ENODe") / name).read_text().splitlines()
        ours = (tmp_path / name).read_text().splitlines()
        assert ours[0].startswith(genuine[0].strip())
        for lines in (genuine, ours):
            bins, points = (len(lines[i].split(",")) for i in (1, 2))
            assert lines[3] == ""
            assert {len(line.split(",")) for line in lines[4:] if line} == {bins}
            assert len([line for line in lines[4:] if line]) == points


@pytest.mark.parametrize("name", DEVICE_FORMATS)
def test_every_export_says_what_it_was_made_from(
    name: str, exponential: MeasuredDevice, tmp_path: Path
) -> None:
    format = DEVICE_FORMATS[name]
    files, _ = format.write(exponential, tmp_path / f"a{format.suffix}", force=False)
    plain = next(file for file in files if file.suffix == ".json")
    said = json.loads(plain.read_text())
    assert (said["source"], said["source_sha256"]) == ("runs/a.h5", "0123abcd")
    assert said["fit"]["potentiation"]["beta"]["value"] == pytest.approx(1.5, abs=0.1)
    assert "describes the curve" in said["fit"]["depression"]["exponential"]
    assert len(said["conventions"]) > 3
    with pytest.raises(ConfigError, match="exists already"):
        format.write(exponential, tmp_path / f"a{format.suffix}", force=False)
    format.write(exponential, tmp_path / f"a{format.suffix}", force=True)


def test_simulators_of_conductances_need_siemens() -> None:
    progress = relaxing(0.5)
    normalised = measured(progress, 1 - progress, unit="1")
    negative = measured(progress - 0.5, 0.5 - progress)
    for name in ("crosssim", "neurosim"):
        write = DEVICE_FORMATS[name].write
        with pytest.raises(FitError, match=r"are normalised; .* needs them in siemens"):
            write(normalised, Path("a"), force=False)
        with pytest.raises(FitError, match=r"lowest conductance is -0.5.* S; .* positive ones"):
            write(negative, Path("a"), force=False)
    assert [device.kind for device in aihwkit_devices(normalised)[0]]


# The fields that aihwkit 1.2 gives its devices; any other raises a TypeError there.
PULSED = {
    "construction_seed", "corrupt_devices_prob", "corrupt_devices_range", "diffusion",
    "diffusion_dtod", "drift", "dw_min", "dw_min_dtod", "dw_min_dtod_log_normal", "dw_min_std",
    "enforce_consistency", "lifetime", "lifetime_dtod", "perfect_bias", "reset", "reset_dtod",
    "reset_std", "up_down", "up_down_dtod", "w_max", "w_max_dtod", "w_min", "w_min_dtod",
    "count_pulses",
}  # fmt: skip
FIELDS = {
    "ExpStepDevice": {"A_up", "A_down", "gamma_up", "gamma_down", "a", "b", "dw_min_std_add",
                      "dw_min_std_slope"},
    "SoftBoundsDevice": {"mult_noise"},
    "PiecewiseStepDevice": {"piecewise_up", "piecewise_down"},
}  # fmt: skip
SPREAD = {"dw_min_dtod", "up_down_dtod", "w_max_dtod", "w_min_dtod", "reset_std"}
"""What aihwkit spreads unless it is told not to."""


def test_the_snippet_makes_the_devices(
    exponential: MeasuredDevice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (plain, snippet), _ = DEVICE_FORMATS["aihwkit"].write(
        exponential, tmp_path / "a.aihwkit.json", force=False
    )
    made: dict[str, dict[str, Any]] = {}

    def stand_in(kind: str) -> Callable[..., str]:
        def make(**parameters: Any) -> str:
            assert set(parameters) <= PULSED | FIELDS[kind]
            assert {parameters[name] for name in SPREAD} == {0.0}
            made[kind] = parameters
            return kind

        return make

    configs: Any = ModuleType("aihwkit.simulator.configs")
    for kind in FIELDS:
        setattr(configs, kind, stand_in(kind))
    configs.SingleRPUConfig = lambda device: SimpleNamespace(
        device=device, forward=SimpleNamespace()
    )
    enums: Any = ModuleType("aihwkit.simulator.parameters.enums")
    enums.WeightNoiseType = SimpleNamespace(ADDITIVE_CONSTANT="AdditiveConstant")
    for module in (configs, enums):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    for name in ("aihwkit", "aihwkit.simulator", "aihwkit.simulator.parameters"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    namespace: dict[str, Any] = {}
    exec(compile(snippet.read_text(encoding="utf-8"), str(snippet), "exec"), namespace)
    said = json.loads(plain.read_text())
    assert made == {kind: it["parameters"] for kind, it in said["devices"].items()}
    assert namespace["rpu_config"].device == said["best"]
    assert namespace["rpu_config"].forward.w_noise == said["w_noise"]
    head = snippet.read_text(encoding="utf-8")
    assert "runs/a.h5 (sha256 0123abcd)" in head
    assert "misfit in potentiation: 0." in head
