"""The compound SOT-MTJ against the figures of Kumar et al., Nanoscale Horizons 9, 1522."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labsyn.data.errors import ConfigError, ModelError
from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.devices import make_device
from labsyn.drivers.simulated.environment import Environment
from labsyn.drivers.simulated.mtj import CompoundMTJ
from labsyn.drivers.simulated.mtj_wedge import JUNCTION_AREA
from labsyn.drivers.simulated.wiring import Wiring

PULSE = 200e-9
DELAY = 1.5
REST: dict[str, float | None] = {"channel_a": 0.0, "channel_b": 0.0, "top": 0.0}


def pulse(device: CompoundMTJ, volts: float, seconds: float = PULSE) -> None:
    device.advance({"channel_a": volts, "channel_b": 0.0, "top": None}, seconds)


def resistance(device: CompoundMTJ) -> float:
    """0.1 V on top, the channel at 0 V: V/I less the two halves of the channel."""
    current = device.currents({"channel_a": 0.0, "channel_b": 0.0, "top": 0.1})["top"]
    assert device.channel_resistance is not None
    return 0.1 / current - device.channel_resistance / 4


def sweep(device: CompoundMTJ, environment: Environment, fields: list[float]) -> list[float]:
    """Resistance at each field, which is held for 1 s."""
    resistances = []
    for tesla in fields:
        environment.field = tesla
        device.advance(REST, 1.0)
        resistances.append(resistance(device))
    return resistances


def minor_loop(device: CompoundMTJ, environment: Environment) -> tuple[float, float]:
    """H- and H+ of the minor loop of ±20 mT, in tesla."""
    down = np.arange(20e-3, -20.05e-3, -0.1e-3)
    falling = sweep(device, environment, down.tolist())
    rising = sweep(device, environment, down[::-1].tolist())
    lower = down[int(np.argmin(np.diff(falling))) + 1]
    upper = down[::-1][int(np.argmax(np.diff(rising))) + 1]
    return float(lower), float(upper)


def switching_voltage(device: CompoundMTJ, n_parallel: int = 1) -> float:
    """Amplitude of negative pulses of 200 ns that leaves `n_parallel` cells parallel."""
    for volts in np.arange(0.1, 4.0, 0.01):
        pulse(device, -float(volts))
        if device.n_parallel >= n_parallel:
            return float(volts)
    return math.inf


def test_figure_3b_major_loop() -> None:
    environment = Environment()
    device = CompoundMTJ.ideal(thickness=1.6e-9, environment=environment)
    major = sweep(device, environment, [0.3, 0.2, 0.11, 0.09, 0.0, -0.01, -0.3])
    high, low = 33.8e3, 25.2e3
    assert major == pytest.approx([low, low, low, high, high, low, low])


def test_tmr_and_resistance_area_of_figure_3b() -> None:
    device = CompoundMTJ.ideal(thickness=1.6e-9)
    assert device.tmr == pytest.approx(0.3413, abs=5e-5)
    assert device.parallel_resistance == 25.2e3
    assert pytest.approx(2.474e-9, rel=1e-3) == 25.2e3 * JUNCTION_AREA  # ohm m²
    assert pytest.approx(3.318e-9, rel=1e-3) == 33.8e3 * JUNCTION_AREA


@pytest.mark.parametrize("thickness", np.linspace(1.6e-9, 2.6e-9, 11).tolist())
def test_figures_3d_3e_minor_loop(thickness: float) -> None:
    environment = Environment()
    device = CompoundMTJ.ideal(thickness=thickness, environment=environment)
    lower, upper = minor_loop(device, environment)
    place = (thickness - 1.6e-9) / 1e-9
    assert (upper + lower) / 2 == pytest.approx(2.5e-3 - 2.1e-3 * place, abs=0.1e-3)
    # Each of the many fields is held for 1 s, so that it jumps a little before H_c.
    assert (upper - lower) / 2 == pytest.approx(10e-3, rel=0.06)
    saturation = 12.7e-3 + 2.1e-3 * place  # H_s, of the film: the cell is uniform by then
    assert -saturation < lower < upper < saturation


def test_figure_3f_dependence_on_thickness() -> None:
    thin, middle, thick = (CompoundMTJ.ideal(thickness=t * 1e-9) for t in (1.6, 1.9, 2.6))
    assert [d.tmr for d in (middle, thick)] == pytest.approx([0.40, 0.78])
    wedge = [CompoundMTJ.ideal(thickness=t) for t in np.linspace(1.6e-9, 2.6e-9, 41)]
    tmr = np.array([d.tmr for d in wedge])
    assert np.all(np.diff(tmr) > 0)
    assert tmr.min() >= 0.33
    parallel = np.array([resistance(d) for d in wedge])
    area = parallel * JUNCTION_AREA
    assert np.all((area > 2.2e-9) & (area < 3.6e-9))
    for dome in (parallel, parallel * (1 + tmr)):  # P and AP alike
        top = int(np.argmax(dome))
        assert 10 < top < 30
        assert np.all(np.diff(dome[: top + 1]) > 0)
        assert np.all(np.diff(dome[top:]) < 0)
        assert dome[-1] < 0.9 * dome[top]
    assert thin.parallel_resistance == pytest.approx(25.2e3)


@pytest.mark.parametrize(("thickness", "volts"), [(1.6e-9, 0.7), (2.1e-9, 1.35), (2.6e-9, 2.0)])
@pytest.mark.parametrize("n_cells", [1, 3])
def test_figure_4c_half_of_the_pulses_at_the_critical_voltage_switch(
    thickness: float, volts: float, n_cells: int
) -> None:
    critical = volts * (1.25 if n_cells == 3 else 1.0)
    switched, n = 0, 600
    for seed in range(n):
        device = CompoundMTJ(
            thickness=thickness,
            n_cells=n_cells,
            n_antiparallel=n_cells,
            sigma_cells=0.0,
            breakdown_voltage=9.0,
            seed=seed,
        )
        pulse(device, -critical)
        switched += device.n_parallel
    share = switched / (n * n_cells)
    assert share == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(n * n_cells))


def test_figure_4b_directions() -> None:
    """Negative V in a negative field: AP to P; positive V in a positive field: back."""
    environment = Environment()
    device = CompoundMTJ.ideal(thickness=1.7e-9, n_antiparallel=1, environment=environment)
    for sign, wanted in ((-1, 1), (1, 0), (-1, 1)):
        environment.field = sign * 6e-3
        pulse(device, -sign * 0.5)  # against the field: nothing
        assert device.n_parallel == 1 - wanted
        pulse(device, sign * 1.2)
        assert device.n_parallel == wanted


def test_figure_4e_4f_three_cells_have_four_equidistant_conductances() -> None:
    device = CompoundMTJ.ideal(thickness=1.9e-9, n_cells=3)
    found = []
    for n_antiparallel in (3, 2, 1, 0):
        state = CompoundMTJ.ideal(thickness=1.9e-9, n_cells=3, n_antiparallel=n_antiparallel)
        found.append(state.conductance)
        assert 1 / resistance(state) == pytest.approx(state.conductance, rel=1e-9)
    relative = np.array(found) / found[-1]
    assert relative == pytest.approx([0.7143, 0.8095, 0.9048, 1.0], abs=5e-5)
    assert np.diff(1 / relative[::-1]) / (1 / relative[::-1][:-1]) == pytest.approx(
        [0.1053, 0.1176, 0.1333], abs=1e-4
    )
    assert device.conductance == pytest.approx(found[-1])


def test_figure_4g_three_cells_switch_one_after_the_other_20_to_30_percent_later() -> None:
    factors, steps = [], set()
    for seed in range(30):
        ends = []
        for n_cells in (1, 3):
            environment = Environment()
            device = CompoundMTJ(
                thickness=1.7e-9,
                n_cells=n_cells,
                n_antiparallel=n_cells,
                seed=seed,
                environment=environment,
                sigma_cells=0.05 if n_cells == 3 else 0.0,
            )
            environment.field = -6e-3
            for volts in np.arange(0.1, 1.7, 0.01):
                pulse(device, -float(volts))
                steps.add((n_cells, device.n_parallel))
                if device.n_parallel == n_cells:
                    break
            ends.append(float(volts))
        factors.append(ends[1] / ends[0])
    assert {n for cells, n in steps if cells == 3} == {0, 1, 2, 3}
    assert 1.2 < np.mean(factors) < 1.4  # the last of three unequal cells


def test_figure_4g_thick_layers_need_the_larger_field() -> None:
    """2.6 nm, 3 cells: -8.5 mT is needed to switch before the breakdown at 1.9 V."""
    found = {}
    for tesla in (-6e-3, -8.5e-3):
        environment = Environment()
        device = CompoundMTJ.ideal(
            thickness=2.6e-9, n_cells=3, n_antiparallel=3, environment=environment
        )
        environment.field = tesla
        found[tesla] = switching_voltage(device, 3)
        assert device.broken == (tesla == -6e-3)
    assert found[-6e-3] > 1.9
    assert found[-8.5e-3] < 1.9


@pytest.mark.parametrize("thickness", [1.6e-9, 2.1e-9, 2.6e-9])
def test_figure_4d_share_of_devices_that_switch_without_field(thickness: float) -> None:
    def switches(seed: int, tesla: float) -> bool:
        environment = Environment()
        device = CompoundMTJ.draw(
            seed, thickness=thickness, n_antiparallel=1, environment=environment
        )
        environment.field = tesla
        for volts in np.arange(0.1, 2.01, 0.1):
            pulse(device, -float(volts))
            if device.n_parallel or device.broken:
                break
        return device.n_parallel == 1

    n = 200
    free = sum(switches(seed, 0.0) for seed in range(n)) / n
    expected = 1 - (thickness - 1.6e-9) / 1e-9
    assert free == pytest.approx(expected, abs=4 * 0.5 / math.sqrt(n) if expected else 1e-9)
    assert all(switches(seed, -10e-3) for seed in range(n))


@pytest.mark.parametrize(
    ("thickness", "n_cells", "volts"),
    [(1.6e-9, 1, 1.8), (2.6e-9, 1, 2.0), (1.6e-9, 3, 1.7), (2.6e-9, 3, 1.9)],
)
def test_figure_4h_breakdown_is_for_ever(thickness: float, n_cells: int, volts: float) -> None:
    device = CompoundMTJ.ideal(thickness=thickness, n_cells=n_cells)
    pulse(device, -(volts - 0.01))
    whole = device.broken
    pulse(device, -(volts + 0.01), 0.0)
    assert (whole, device.broken) == (False, True)
    pulse(device, 0.0, 100.0)
    assert resistance(device) == pytest.approx(100.0)


def test_a_junction_breaks_too() -> None:
    device = CompoundMTJ.ideal()
    device.advance({"channel_a": 0.0, "channel_b": 0.0, "top": 2.5}, 0.0)
    assert device.broken


@pytest.mark.parametrize(("n_cells", "ohms"), [(1, 300.0), (2, 450.0), (3, 600.0)])
def test_section_d_channel_resistance(n_cells: int, ohms: float) -> None:
    device = CompoundMTJ.ideal(n_cells=n_cells)
    currents = device.currents({"channel_a": 0.3, "channel_b": 0.0, "top": None})
    assert currents["channel_a"] == pytest.approx(0.3 / ohms)
    assert currents["channel_b"] == pytest.approx(-0.3 / ohms)
    assert currents["top"] == 0


def test_a_divider_reads_the_junction() -> None:
    """1 MΩ in series with the junction, as in section B: R = R_ref V_MTJ / V_ref."""
    wiring = Wiring(VirtualClock())
    device = CompoundMTJ.ideal(thickness=1.6e-9)
    wiring.connect("lockin", device, "top")
    wiring.ground(device, "channel_a")
    wiring.drive("lockin", 1.0, series_resistance=1e6)
    current = wiring.current("lockin")
    found = (1.0 - 1e6 * current) / current
    assert found == pytest.approx(25.2e3 + 150, rel=1e-9)


def test_the_rate_is_neel_arrhenius() -> None:
    """Waiting times at constant field and current are exponential with the closed-form mean."""
    stability, coercive, exchange = 40.0, 10e-3, 2e-3
    remaining = math.sqrt(math.log(1 / (1e-9 * math.log(2))) / stability)
    anisotropy = coercive / (1 - remaining)
    tesla = -7e-3
    barrier = stability * (1 + (tesla - exchange) / anisotropy) ** 2
    mean = 1e-9 * math.exp(barrier)
    n, waited = 1500, []
    for seed in range(n):
        environment = Environment()
        device = CompoundMTJ(
            thermal_stability=stability,
            exchange_field=exchange,
            coercive_field=coercive,
            n_antiparallel=1,
            sigma_cells=0.0,
            seed=seed,
            environment=environment,
        )
        environment.field = tesla
        device.advance(REST, mean)
        waited.append(device.n_parallel)
    share = 1 - math.exp(-1)
    assert np.mean(waited) == pytest.approx(share, abs=4 * 0.5 / math.sqrt(n))


def test_heat_lowers_the_barrier() -> None:
    shares = []
    for kelvin in (298.15, 350.0):
        environment = Environment()
        environment.temperature = kelvin
        environment.field = -6.5e-3
        switched = 0
        for seed in range(100):
            device = CompoundMTJ(seed=seed, n_antiparallel=1, environment=environment)
            device.advance(REST, 1.0)
            switched += device.n_parallel
        shares.append(switched)
    assert shares[0] < shares[1]


def test_states_are_kept_without_field() -> None:
    device = CompoundMTJ(thickness=1.6e-9, n_cells=3, n_antiparallel=2, seed=3)
    device.advance(REST, 1e7)
    assert device.n_parallel == 1


def test_very_many_jumps_reach_the_equilibrium() -> None:
    n = 1000
    ends = []
    for seed in range(n):
        device = CompoundMTJ(
            seed=seed, thermal_stability=25.0, exchange_field=0.0, sigma_cells=0.0
        )
        device.advance(REST, 1e8)
        ends.append(device.n_parallel)
    assert np.mean(ends) == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(n))


@settings(deadline=None)
@given(
    st.integers(0, 10_000),
    st.floats(-12e-3, 12e-3),
    st.floats(-1.5, 1.5),
    st.floats(1e-9, 10.0),
    st.integers(2, 12),
)
def test_cutting_an_interval_changes_nothing(
    seed: int, tesla: float, volts: float, seconds: float, pieces: int
) -> None:
    """Not only in distribution: the same seed jumps at the same moment."""
    environment = Environment()
    environment.field = tesla
    whole, cut = (
        CompoundMTJ(seed=seed, n_cells=3, n_antiparallel=2, environment=environment)
        for _ in range(2)
    )
    pulse(whole, volts, seconds)
    for _ in range(pieces):
        pulse(cut, volts, seconds / pieces)
    assert whole.free_layers == cut.free_layers
    assert set(whole.free_layers) <= {-1, 1}
    high = 3 / whole.parallel_resistance  # type: ignore[operator]
    assert high / (1 + whole.tmr) <= (1 + 1e-12) * whole.conductance <= high * (1 + 1e-12)  # type: ignore[operator]


@given(
    st.lists(st.one_of(st.none(), st.floats(-1.5, 1.5)), min_size=3, max_size=3),
    st.integers(0, 2),
    st.floats(0.0, 0.5),
)
def test_passive_and_without_sources(
    volts: list[float | None], terminal: int, more: float
) -> None:
    device = CompoundMTJ.ideal(n_cells=2, n_antiparallel=1)
    voltages = dict(zip(device.terminals, volts, strict=True))
    currents = device.currents(voltages)
    assert sum(currents.values()) == pytest.approx(0.0, abs=1e-15)
    assert all(currents[t] == 0 for t, v in voltages.items() if v is None)
    name = device.terminals[terminal]
    before = voltages[name]
    if before is not None:
        raised = device.currents(voltages | {name: before + more})
        assert raised[name] >= currents[name] - 1e-15


def test_read_noise_is_a_fraction_of_the_current() -> None:
    device = CompoundMTJ(sigma_read=2e-3, seed=4)
    voltages = {"channel_a": 0.0, "channel_b": 0.0, "top": 0.1}
    exact = device.currents(voltages)["top"]
    reads = np.array([device.measured_currents(voltages)["top"] for _ in range(2000)])
    assert reads.mean() == pytest.approx(exact, rel=4 * 2e-3 / math.sqrt(2000))
    assert reads.std() / exact == pytest.approx(2e-3, rel=0.1)


def test_the_field_of_a_bench_reaches_the_device() -> None:
    clock = VirtualClock()
    wiring = Wiring(clock)
    environment = Environment(wiring.advance_all, wiring.apply_all)
    device = make_device("mtj", 1, environment=environment, thickness=1.6e-9, n_antiparallel=1)
    assert isinstance(device, CompoundMTJ)
    wiring.connect("reader", device, "top")
    for terminal in ("channel_a", "channel_b"):
        wiring.ground(device, terminal)
    wiring.drive("reader", 0.1)
    before = wiring.current("reader")
    clock.sleep(1.0)
    environment.field = -20e-3
    clock.sleep(1.0)
    assert wiring.current("reader") > 1.2 * before


def test_devices_differ_as_stated_and_a_seed_repeats_one() -> None:
    drawn = [CompoundMTJ.draw(seed) for seed in range(400)]
    values = [[d.parallel_resistance or 0.0, d.coercive_field] for d in drawn]
    logs = np.log(values)
    assert logs.std(axis=0) == pytest.approx([0.04, 0.075], rel=0.15)
    assert CompoundMTJ.draw(3) == CompoundMTJ.draw(3)
    assert CompoundMTJ.draw(3, tmr=0.5).tmr == 0.5
    assert make_device("mtj", 3) == CompoundMTJ.draw(3)


def test_a_run_file_can_hold_what_describes_it() -> None:
    from labsyn.data.plain_json import to_json

    public = {key: value for key, value in vars(CompoundMTJ()).items() if key[0] != "_"}
    assert "critical_voltage" in to_json(public, "device")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_cells": 7}, "n_cells is 7, a whole number from 1 to 6 is needed"),
        ({"n_cells": 1.5}, "n_cells is 1.5, a whole number from 1 to 6 is needed"),
        ({"n_antiparallel": 2}, "n_antiparallel is 2, a whole number from 0 to 1 is needed"),
        ({"thickness": 3e-9}, "thickness is 3 nm, the wedge has 1.6 to 2.6 nm"),
        ({"tmr": 0.0}, "tmr is 0, not above 0"),
        ({"sigma_read": -1.0}, "sigma_read is -1, not 0 or more"),
        ({"thermal_stability": 20.0}, "thermal_stability is 20, it must be at least 25"),
        ({"exchange_field": 6e-3}, "exchange_field is 0.006 T, it may be half of the coercive"),
        ({"reference_release": 0.2}, "reference_release = 0.2 T must lie below reference_sat"),
    ],
)
def test_impossible_parameters_are_refused(parameters: dict[str, float], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        CompoundMTJ(**parameters)  # type: ignore[arg-type]


def test_unknown_parameters_are_refused() -> None:
    with pytest.raises(ConfigError, match="mtj has no parameter 'gain', it has n_cells"):
        make_device("mtj", gain=1.0)
