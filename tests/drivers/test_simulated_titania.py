"""The four-terminal memristor against Diao et al., Nanoscale Horizons 10, 780 (2025)."""

import math
import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labsyn.data.errors import ConfigError, ModelError
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.devices import make_device
from labsyn.drivers.simulated.environment import Environment
from labsyn.drivers.simulated.titania import Titania
from labsyn.drivers.simulated.wiring import Wiring

READ = {"T1": 0.1, "T2": 0.0, "T3": 0.0, "T4": 0.0}
FIGURE_2 = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0)
N_TERMINALS = 4


def write(device: Titania, volts: float, seconds: float) -> None:
    device.advance({"T1": 0.0, "T2": volts, "T3": 0.0, "T4": volts}, seconds)


def read(device: Titania) -> float:
    """R from the current that leaves at T3, as in the experimental section."""
    return -0.1 / device.measured_currents(READ)["T3"]


def train(volts: float, start: float, **parameters: float) -> np.ndarray:
    """Resistance before and after each of 100 pulses of 2 s, shape (101,)."""
    device = Titania.ideal(resistance=start, **parameters)
    curve = [read(device)]
    for _ in range(100):
        write(device, volts, 2.0)
        curve.append(read(device))
    return np.array(curve)


def feedforward(device: Titania, *, down: bool) -> tuple[int, float, list[float]]:
    """Tune from end to end: pulses of 0.8 s, each the largest with |ΔR| < 0.3 Ω.

    Returns the number of events, the mean power in watt, and the expected steps in ohm.
    """
    sign = -1 if down else 1
    table = []
    for start in np.arange(740.0, 881.0, 2.0):
        chosen = (FIGURE_2[0], 0.0)
        for size in FIGURE_2:
            twin = Titania.ideal(resistance=float(start))
            write(twin, sign * size, 0.8)
            change = sign * (twin.resistance - start)
            if change < 0.3:
                chosen = (size, change)
        table.append(chosen)
    n_events, energy, expected = 0, 0.0, []
    device.resistance = 880.0 if down else 740.0
    found = read(device)
    while found > 740.0 if down else found < 880.0:
        size, change = table[int(np.clip(round((found - 740) / 2), 0, 70))]
        terminals = {"T1": 0.0, "T2": sign * size, "T3": 0.0, "T4": sign * size}
        energy += sum(terminals[t] * i for t, i in device.currents(terminals).items())
        write(device, sign * size, 0.8)
        expected.append(change)
        n_events += 1
        found = read(device)
    return n_events, energy / n_events, expected


@pytest.mark.parametrize("resistance", [740.0, 806.5, 880.0])
def test_the_read_of_figure_1c(resistance: float) -> None:
    device = Titania.ideal(resistance=resistance)
    assert read(device) == pytest.approx(resistance, rel=1e-12)
    assert sum(device.currents(READ).values()) == pytest.approx(0, abs=1e-15)


def test_hrs_over_lrs_is_1_19() -> None:
    device = Titania()
    assert device.hrs / device.lrs == pytest.approx(1.19, abs=0.005)


def test_six_volts_initialise_to_either_end() -> None:
    """V_w = ±6 V, "to the HRS and LRS": positive depresses, negative potentiates."""
    device = Titania.ideal(resistance=810.0)
    while device.resistance < 880:
        before = device.resistance
        write(device, 6.0, 2.0)
        assert device.resistance > before
    while device.resistance > 740:
        before = device.resistance
        write(device, -6.0, 2.0)
        assert device.resistance < before


@pytest.mark.parametrize(("sign", "start"), [(-1, 880.0), (1, 740.0)])
def test_figures_2c_2d_steps_fall_with_the_state_and_grow_with_the_voltage(
    sign: int, start: float
) -> None:
    curves = np.array([train(sign * volts, start) for volts in FIGURE_2])
    steps = sign * np.diff(curves, axis=1)
    inside = (curves[:, :-1] >= 740) & (curves[:, :-1] <= 880)
    assert np.all(steps[inside] > 0)
    assert np.all(np.diff(steps, axis=1)[inside[:, 1:]] <= 1e-12)
    for state in np.linspace(742, 878, 18):
        changes = []
        for volts in FIGURE_2:
            device = Titania.ideal(resistance=float(state))
            write(device, sign * volts, 2.0)
            changes.append(sign * (device.resistance - state))
        assert np.all(np.diff(changes) > 0)


def test_figure_2b_trains_repeat() -> None:
    """Pearson's correlation of the last with each earlier repetition is near 1."""
    device = Titania(seed=3)
    repetitions = []
    for _ in range(5):
        device.resistance = 880.0
        curve = []
        for _ in range(100):
            write(device, -4.0, 2.0)
            curve.append(read(device))
        repetitions.append(curve)
    correlations = np.array([np.corrcoef(repetitions[-1], c)[0, 1] for c in repetitions[:-1]])
    assert correlations.mean() > 0.99


@pytest.mark.parametrize(
    ("down", "events", "spread", "milliwatts"),
    [(True, 494, 11, 240.7), (False, 579, 17, 114.6)],
)
def test_figure_3_feedforward_pulses(
    down: bool, events: int, spread: int, milliwatts: float
) -> None:
    """Number of events and mean power, to which the device was calibrated."""
    device = Titania(seed=7)
    tuned = [feedforward(device, down=down) for _ in range(12)]
    counts = np.array([count for count, _, _ in tuned])
    assert counts.mean() == pytest.approx(events, abs=spread)
    assert spread / 2 < counts.std(ddof=1) < 2 * spread
    assert 1e3 * np.mean([power for _, power, _ in tuned]) == pytest.approx(
        milliwatts, rel=0.02
    )
    assert min(tuned[0][2]) > 0.1
    assert max(tuned[0][2]) < 0.3


def test_the_map_of_the_calibration_script_knows_no_noise() -> None:
    script = runpy.run_path(str(Path(__file__).parents[2] / "examples/calibrate_titania.py"))
    wanted = script["feedforward_map"]("depression")
    for found, exact in zip(script["feedforward_map"]("depression", sigma_d=0.4), wanted,
                            strict=True):  # fmt: skip
        assert np.array_equal(found, exact)


def test_two_reads_differ_by_noise_just_below_the_window() -> None:
    device = Titania(seed=2)
    reads = np.array([read(device) for _ in range(4000)])
    differences = np.diff(reads.reshape(2, -1), axis=0).ravel()
    assert reads.mean() == pytest.approx(880.0, abs=4 * 0.05 / math.sqrt(4000))
    assert differences.std() == pytest.approx(0.0707, rel=0.07)
    assert differences.std() < 0.1
    exact = Titania.ideal()
    assert exact.measured_currents(READ) == exact.currents(READ)


def test_a_read_disturbs_nothing() -> None:
    device = Titania.ideal(relaxation_time=math.inf)
    device.advance(READ, 1000.0)
    assert device.resistance == 880.0


@pytest.mark.parametrize("beta", [0.0, 1e-9, 2.0, 4.0])
def test_the_drive_is_its_closed_form(beta: float) -> None:
    """p(t) = ln(e^{β p0} + β k (|V| - V_t)^m t) / β, in both branches."""
    seconds, p0 = 3.0, 0.2
    for sign, rate in ((-1, "p"), (1, "d")):
        device = Titania.ideal(
            beta_p=beta,
            beta_d=beta,
            rate_p=4e-3,
            rate_d=5e-3,
            exponent_p=0.5,
            exponent_d=1.5,
            relaxation_time=math.inf,
            resistance=880 - 140 * p0 if rate == "p" else 740 + 140 * p0,
        )
        write(device, sign * 3.0, seconds)
        push = seconds * (4e-3 * 2.8**0.5 if rate == "p" else 5e-3 * 2.8**1.5)
        end = p0 + push
        if beta:
            end = p0 + math.log1p(beta * push * math.exp(-beta * p0)) / beta
        wanted = 880 - 140 * end if rate == "p" else 740 + 140 * end
        assert device.resistance == pytest.approx(wanted, rel=1e-12)


def test_drive_and_hot_diffusion_together_obey_the_differential_equation() -> None:
    from scipy.integrate import solve_ivp

    device = Titania.ideal(relaxation_time=5e3, resistance=870.0)
    power = 6.0**2 * 4 / device.side_resistance
    kelvin = 298.15 + device.thermal_resistance * power
    faster = math.exp(0.5 / 8.617333262e-5 * (1 / 298.15 - 1 / kelvin))
    speed = device.rate_p * 5.8**device.exponent_p

    def slope(_: float, ohms: np.ndarray) -> np.ndarray:
        drive = -140 * speed * np.exp(-device.beta_p * (880 - ohms) / 140)
        return drive + (810 - ohms) * faster / 5e3

    solution = solve_ivp(slope, (0, 50), [870.0], rtol=1e-10, atol=1e-10)
    write(device, -6.0, 50.0)
    assert device.resistance == pytest.approx(solution.y[0, -1], abs=1e-4)


def test_joule_heat_makes_the_state_drift() -> None:
    """Current through the sides without a write voltage: T1 and T2 against T3 and T4."""
    drifts = []
    for volts in (0.0, 7.0):
        device = Titania.ideal()
        device.advance({"T1": volts, "T2": volts, "T3": 0.0, "T4": 0.0}, 1000.0)
        drifts.append(880.0 - device.resistance)
    assert drifts[0] == pytest.approx(70 * (1 - math.exp(-1000 / 2e5)), rel=1e-9)
    assert drifts[1] > 5 * drifts[0]


def test_warm_air_makes_the_state_drift() -> None:
    environment = Environment()
    environment.temperature = 348.15
    device = make_device("titania", 1, environment=environment, resistance=880.0)
    assert isinstance(device, Titania)
    device.advance(dict.fromkeys(device.terminals), 1000.0)
    faster = math.exp(0.5 / 8.617333262e-5 * (1 / 298.15 - 1 / 348.15))
    wanted = 810 + 70 * math.exp(-1000 * faster / 2e5)
    assert device.resistance == pytest.approx(wanted, rel=1e-9)


def test_long_writes_saturate() -> None:
    device = Titania.ideal()
    for volts, bound in ((-7.0, 705.0), (7.0, 915.0)):
        write(device, volts, 3000.0)
        assert abs(device.resistance - bound) < 1e-9


@settings(deadline=None)
@given(
    st.floats(-8, 8),
    st.floats(1e-3, 100.0),
    st.integers(2, 20),
    st.floats(705, 915),
    st.floats(0, 4),
)
def test_cutting_an_interval_changes_nothing(
    volts: float, seconds: float, pieces: int, resistance: float, beta: float
) -> None:
    whole, cut = (
        Titania.ideal(resistance=resistance, beta_p=beta, beta_d=beta) for _ in range(2)
    )
    write(whole, volts, seconds)
    for _ in range(pieces):
        write(cut, volts, seconds / pieces)
    assert cut.resistance == pytest.approx(whole.resistance, abs=1e-3)  # noise: 5e-2
    low, high = whole.bounds
    assert low <= whole.resistance <= high


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(st.none(), st.floats(-5, 5)), min_size=N_TERMINALS, max_size=N_TERMINALS
    ),
    st.floats(1.0, 300.0),
    st.floats(705, 915),
)
def test_cutting_changes_nothing_whatever_drives_and_floats(
    volts: list[float | None], seconds: float, resistance: float
) -> None:
    """Where terminals float, R itself shifts the write voltage and the heat as it moves."""
    whole, cut = (Titania.ideal(resistance=resistance) for _ in range(2))
    voltages = dict(zip(whole.terminals, volts, strict=True))
    whole.advance(voltages, seconds)
    for _ in range(20):
        cut.advance(voltages, seconds / 20)
    assert cut.resistance == pytest.approx(whole.resistance, abs=2e-3)  # noise: 5e-2


def test_years_under_voltage_end_where_drive_and_diffusion_balance() -> None:
    """More time than the film remembers costs no more to simulate, and changes nothing."""
    years, longer = (
        Titania.ideal(resistance=start, relaxation_time=200.0) for start in (880.0, 740.0)
    )
    write(years, -2.0, 1e9)
    write(longer, -2.0, 1e12)
    assert years.resistance == pytest.approx(longer.resistance, abs=1e-6)
    assert 705.0 < years.resistance < 810.0


def test_reads_leave_the_path_of_the_state_alone() -> None:
    once, often = Titania(seed=4), Titania(seed=4)
    for _ in range(20):
        write(once, -3.0, 0.8)
        write(often, -3.0, 0.8)
        read(often)
    assert once.resistance == often.resistance


def test_deep_cold_keeps_the_state() -> None:
    environment = Environment()
    environment.temperature = 4.0
    device = Titania.ideal(environment=environment)
    device.advance(dict.fromkeys(device.terminals), 1e9)
    assert device.resistance == 880.0


@pytest.mark.parametrize("pieces", [1, 10])
def test_noise_of_a_pulse_has_the_stated_variance_however_cut(pieces: int) -> None:
    noisy = Titania(seed=5, beta_p=0.0, relaxation_time=math.inf)
    n = 3000
    ends = np.empty(n)
    for k in range(n):
        noisy.resistance = 800.0
        for _ in range(pieces):
            write(noisy, -5.0, 2.0 / pieces)
        ends[k] = 800.0 - noisy.resistance
    step = 140 * 2.0 * noisy.rate_p * 4.8**noisy.exponent_p
    sigma = noisy.sigma_p * math.sqrt(step)
    assert ends.mean() == pytest.approx(step, abs=4 * sigma / math.sqrt(n))
    assert ends.std() == pytest.approx(sigma, rel=0.02 + 4 / math.sqrt(2 * n))


@given(
    st.lists(
        st.one_of(st.none(), st.floats(-5, 5)), min_size=N_TERMINALS, max_size=N_TERMINALS
    ),
    st.integers(0, N_TERMINALS - 1),
    st.floats(0.0, 1.0),
)
def test_passive_and_without_sources(
    volts: list[float | None], terminal: int, more: float
) -> None:
    device = Titania.ideal(resistance=800.0)
    voltages = dict(zip(device.terminals, volts, strict=True))
    currents = device.currents(voltages)
    assert sum(currents.values()) == pytest.approx(0.0, abs=1e-12)
    assert all(currents[t] == 0 for t, v in voltages.items() if v is None)
    assert sum((voltages[t] or 0.0) * i for t, i in currents.items()) >= -1e-12
    name = device.terminals[terminal]
    before = voltages[name]
    if before is not None:
        raised = device.currents(voltages | {name: before + more})
        assert raised[name] >= currents[name] - 1e-12


def test_a_floating_terminal_settles_as_a_divider_does() -> None:
    """T2 and T4 open: two sides in series, twice, beside R."""
    device = Titania.ideal(side_resistance=200.0, resistance=800.0)
    currents = device.currents({"T1": 0.1, "T2": None, "T3": 0.0, "T4": None})
    assert currents["T1"] == pytest.approx(0.1 * (1 / 800 + 2 / 400))


@pytest.mark.parametrize("volts", [10.1, -40.0])
def test_too_much_voltage_breaks_for_ever_even_without_time(volts: float) -> None:
    device = Titania.ideal()
    write(device, volts, 0.0)
    assert device.broken
    assert set(device.currents(READ).values()) == {0.0}
    assert set(device.measured_currents(READ).values()) == {0.0}
    write(device, -6.0, 100.0)
    assert device.resistance == 880.0


def test_on_a_wiring_writes_and_reads_take_turns() -> None:
    clock = VirtualClock()
    wiring = Wiring(clock)
    device = Titania.ideal()
    for number, terminal in enumerate(device.terminals, 1):
        wiring.connect(f"smu/{number}", device, terminal)

    def drive(*volts: float) -> None:
        for number, level in enumerate(volts, 1):
            wiring.drive(f"smu/{number}", level, 0.1)

    drive(0.0, -6.0, 0.0, -6.0)
    clock.sleep(2.0)
    drive(0.1, 0.0, 0.0, 0.0)
    clock.sleep(0.01)
    found = -0.1 / wiring.measured_current("smu/3")
    twin = Titania.ideal()
    write(twin, -6.0, 2.0)
    assert found == pytest.approx(twin.resistance, abs=1e-4)


def test_devices_differ_as_stated_and_a_seed_repeats_one() -> None:
    drawn = [Titania.draw(seed) for seed in range(400)]
    values = [[d.rate_p, d.rate_d, d.side_resistance] for d in drawn]
    assert np.log(values).std(axis=0) == pytest.approx([0.01] * 3, rel=0.15)
    assert Titania.draw(3) == Titania.draw(3)
    assert Titania.draw(3, rate_p=2e-3).rate_p == 2e-3
    assert make_device("titania", 3) == Titania.draw(3)


def test_a_run_file_can_hold_what_describes_it() -> None:
    from labsyn.data.plain_json import to_json

    public = {key: value for key, value in vars(Titania()).items() if key[0] != "_"}
    assert '"hrs": 880.0' in to_json(public, "device")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"lrs": 900.0}, "lrs = 900 Ω and hrs = 880 Ω, 0 < lrs < hrs is needed"),
        ({"resistance": 600.0}, "resistance is 600 Ω, 705 to 915 Ω is possible"),
        ({"rate_p": 0.0}, "rate_p is 0, not above 0"),
        ({"side_resistance": math.inf}, "side_resistance is inf, not above 0 and finite"),
        ({"relaxation_time": 0.0}, "relaxation_time is 0, not above 0"),
        ({"activation_energy": 9.0}, "activation_energy is 9 eV, not 0 to 5"),
        ({"sigma_read": -1.0}, "sigma_read is -1, not 0 or more"),
        ({"beta_d": math.nan}, "beta_d is nan, not 0 to 20"),
        ({"potentiation_sign": 2}, "potentiation_sign is 2, not -1 or 1"),
    ],
)
def test_impossible_parameters_are_refused(parameters: dict[str, float], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Titania(**parameters)  # type: ignore[arg-type]


def test_unknown_parameters_are_refused() -> None:
    with pytest.raises(ConfigError, match="titania has no parameter 'gain', it has hrs"):
        make_device("titania", gain=1.0)
