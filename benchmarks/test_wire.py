"""Queries per second through PyVISA: our simulated B1500A beside pyvisa-sim, in one run.

pyvisa-sim answers from a table; ours parses FLEX and, for a measurement, asks the device.

    pip install pyvisa-sim
    pytest benchmarks/test_wire.py --benchmark-enable -o testpaths= -o addopts= -s
"""

import time
from pathlib import Path
from typing import Any

import pytest
import pyvisa

from labsyn.drivers.simulated.backend import LabsynVisaLibrary
from labsyn.drivers.simulated.bench import SimulatedBench
from labsyn.drivers.wire_log import WireLog

N_QUERIES = 5_000
TABLE = """
spec: "1.1"
devices:
  smu:
    eom:
      GPIB INSTR: {q: "\\r\\n", r: "\\r\\n"}
    dialogues:
      - q: "ERRX?"
        r: '+0,"No Error."'
resources:
  GPIB0::17::INSTR: {device: smu}
"""


def rate(session: Any, message: str) -> float:
    session.query(message)
    started = time.perf_counter()
    for _ in range(N_QUERIES):
        session.query(message)
    return N_QUERIES / (time.perf_counter() - started)


def ours() -> Any:
    manager = pyvisa.ResourceManager(LabsynVisaLibrary.for_bench(SimulatedBench.default()))
    session = manager.open_resource("GPIB0::17::INSTR", read_termination="\r\n")
    session.write("CN 1,2;DV 2,0,0,0.001;DV 1,0,0.1,0.001")  # type: ignore[attr-defined]
    return session


def test_queries_beside_pyvisa_sim(tmp_path: Path, benchmark: Any) -> None:
    pytest.importorskip(
        "pyvisa_sim", reason="the peer is not installed: pip install pyvisa-sim"
    )
    table = tmp_path / "table.yaml"
    table.write_text(TABLE)
    peer = pyvisa.ResourceManager(f"{table}@sim").open_resource(
        "GPIB0::17::INSTR", read_termination="\r\n", write_termination="\r\n"
    )
    mine = ours()
    pairs = [(rate(mine, "ERRX?"), rate(mine, "TI 1,0"), rate(peer, "ERRX?")) for _ in range(3)]
    query, spot, theirs = (sorted(column)[1] for column in zip(*pairs, strict=True))
    print(
        f"\nERRX? {query:,.0f}/s, spot measurement {spot:,.0f}/s, pyvisa-sim {theirs:,.0f}/s: "
        f"{query / theirs:.1f} x and {spot / theirs:.1f} x"
    )
    benchmark.pedantic(mine.query, ("ERRX?",), rounds=1000)


def test_the_wire_log_beside_none(tmp_path: Path) -> None:
    """What a message costs that is written down; without a log there is nothing to pay."""
    mine = ours()
    seconds: dict[str, list[float]] = {}
    for _ in range(3):
        seconds.setdefault("off", []).append(1 / rate(mine, "ERRX?"))
        log = WireLog.opened(tmp_path / "wire.log", mine.visalib, lambda: 0.0)
        seconds.setdefault("on", []).append(1 / rate(mine, "ERRX?"))
        log.close()
    off, on = (sorted(seconds[name])[1] for name in ("off", "on"))
    print(
        f"\nquery without a wire log {1e6 * off:.1f} µs, with one {1e6 * on:.1f} µs: "
        f"{on / off:.1f} x, {1e6 * (on - off) / 2:.1f} µs a message"
    )


def test_an_idle_bench_opens(benchmark: Any) -> None:
    benchmark.pedantic(lambda: ours().close(), rounds=20)
