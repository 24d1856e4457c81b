"""What a procedure costs a pulse and its read, beside the same calls in a bare loop.

pytest benchmarks/test_overhead.py -o testpaths= -o addopts= -s

The bench is simulated: an instrument answers in a tenth of a millisecond, where a real one
takes some, so that the ratio on a real bench is nearer to one. Two loops are bare: the guarded
roles, which procedures call, and the drivers below the guards, which check no limit and keep
no account. A run also costs something once, whatever its length: checks, the settings of the
instruments, HDF5, reading it back. That is told apart.
"""

import time
from pathlib import Path
from typing import Any

from labsyn.drivers.bench import Bench
from labsyn.procedures.pulse_train import PulseTrain
from labsyn.procedures.runner import measure

SHORT, LONG = PulseTrain(n_cycles=1), PulseTrain(n_cycles=31)
N_PULSES = LONG.row_estimate() - SHORT.row_estimate()
ROUNDS = 9


def with_a_procedure(folder: Path, train: PulseTrain) -> float:
    """Return the seconds of processor that `measure()` takes."""
    with Bench.simulated("lixcoo2", seed=1) as bench:
        started = time.process_time()
        measure(train, bench, folder)
        return time.process_time() - started


def bare(*, guarded: bool) -> float:
    """Return the seconds of `N_PULSES` calls of the roles, or of the drivers below them."""
    with Bench.simulated("lixcoo2", seed=1) as bench:
        source: Any = bench.pulse_source
        reader: Any = bench.reader
        compliance = LONG.compliance_current
        reader.setup_reads(voltage=LONG.read_voltage, compliance_current=compliance)
        source.setup_pulses(
            width=LONG.pulse_width,
            period=LONG.pulse_width + LONG.pulse_pause,
            compliance_current=compliance,
        )
        if not guarded:
            source, reader = source._player, reader._player
        started = time.process_time()
        for _ in range(N_PULSES // (2 * LONG.n_pulses)):
            for voltage in (LONG.potentiation_voltage, LONG.depression_voltage):
                for _ in range(LONG.n_pulses):
                    source.pulse(voltage)
                    reader.read()
        return time.process_time() - started


def test_a_pulse_and_its_read(tmp_path: Path, benchmark: Any) -> None:
    ways = {
        "short": lambda: with_a_procedure(tmp_path, SHORT),
        "long": lambda: with_a_procedure(tmp_path, LONG),
        "guarded roles": lambda: bare(guarded=True),
        "drivers": lambda: bare(guarded=False),
    }
    with_a_procedure(tmp_path, SHORT)  # imports, caches
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):  # in turn, so that a slow moment hits all
        for way, measured in ways.items():
            seconds[way].append(measured())
    median = {way: sorted(found)[ROUNDS // 2] for way, found in seconds.items()}
    each = (median["long"] - median["short"]) / N_PULSES
    once = median["short"] - each * SHORT.row_estimate()
    print(
        f"\na procedure takes {1e6 * each:.0f} µs a pulse and read, {1e3 * once:.0f} ms a run"
    )
    for way in ("guarded roles", "drivers"):
        one = median[way] / N_PULSES
        whole = median["long"] / (LONG.row_estimate() - 1)
        print(
            f"{way:14s} {1e6 * one:.0f} µs: {each / one:.2f} x a pulse and read; "
            f"{whole / one:.2f} x with all of a run of {LONG.row_estimate()} rows"
        )
    benchmark.pedantic(with_a_procedure, (tmp_path, SHORT), rounds=1)
