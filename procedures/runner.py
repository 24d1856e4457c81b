"""Run a procedure without a window, and store it whatever happens.

PyMeasure's own worker hangs when a shutdown fails and calls a run that filled the disk
finished; here rows are written by the measuring thread itself, so that a row that cannot be
stored stops the measurement, and every way out makes the bench safe and keeps the rows.
"""

import contextlib
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, overload

from pymeasure.experiment import Procedure

from labsyn.data.errors import BenchError, InstrumentError, StorageError, UnsafeShutdownError
from labsyn.data.run import Run, RunWriter
from labsyn.data.run_files import journal_path
from labsyn.drivers.bench import Bench
from labsyn.procedures.base import BenchProcedure
from labsyn.procedures.dry_run import DryRun
from labsyn.procedures.dry_run import dry_run as play
from labsyn.procedures.sample import described, tell_temperature

Progress = Callable[[float], None]
_MOST_RUNS = 1000


@overload
def measure(
    procedure: BenchProcedure, bench: Bench, folder: Path | str = ..., *,
    name: str | None = ..., sample: dict[str, Any] | None = ..., note: str = ...,
    durable: float = ..., on_progress: Progress | None = ...,
    metadata: Mapping[str, Any] | None = ..., dry_run: Literal[False] = ...,
) -> Run: ...  # fmt: skip
@overload
def measure(
    procedure: BenchProcedure, bench: Bench, folder: Path | str = ..., *,
    name: str | None = ..., sample: dict[str, Any] | None = ..., note: str = ...,
    durable: float = ..., on_progress: Progress | None = ...,
    metadata: Mapping[str, Any] | None = ..., dry_run: Literal[True],
) -> DryRun: ...  # fmt: skip
def measure(
    procedure: BenchProcedure,
    bench: Bench,
    folder: Path | str = "runs",
    *,
    name: str | None = None,
    sample: dict[str, Any] | None = None,
    note: str = "",
    durable: float = 1.0,
    on_progress: Progress | None = None,
    metadata: Mapping[str, Any] | None = None,
    dry_run: bool = False,
) -> Run | DryRun:
    """Run `procedure` on `bench` and return the stored run.

    Parameters
    ----------
    procedure : BenchProcedure
        What to do; its parameters are checked against the limits first.
    bench : Bench
        Where to do it; made safe afterwards, but left open.
    folder : path
        Where the run file goes; made if it is missing.
    name : str, optional
        Stem of the file; by default date, time and procedure.
    sample : dict, optional
        What is measured (wafer, die, electrodes, …), for the file. A ``temperature`` is in
        kelvin or has a unit ("50 °C"); it is stored in kelvin, and as an event.
    note : str
        Anything else about this run, for the file: its first event.
    durable : float
        Seconds of rows that a power cut may take; 0 forces every row to the disk before the
        measurement goes on. A killed program loses none either way.
    on_progress : callable, optional
        Called with per cent done.
    metadata : mapping, optional
        Anything else that the file should tell, by name.
    dry_run : bool
        Whether to play it on the simulated twin of `bench` instead: nothing is sent to
        `bench`, and no file is kept.

    Returns
    -------
    Run or DryRun
        ``finished``, or ``aborted`` after a signal; of a dry run what it would do.

    Raises
    ------
    LimitError, RoleError, ConfigError
        Before anything is sent or stored.
    StorageError
        If the file cannot be made, or a row not be stored.
    Exception
        Whatever the procedure raised, with a note that names the file that was kept.
    """
    if dry_run:
        with bench.twin() as twin:
            return play(procedure, twin)
    bench.require(procedure.ROLES)
    procedure.check(bench)
    said = described(sample or {})
    told = {"sample": described(bench.sample()) | said, **bench.describe()}
    told |= {"procedure_source": procedure.SOURCE} if procedure.SOURCE else {}
    writer = _start(procedure, Path(folder), name, told | dict(metadata or {}), durable)
    status, reason = "finished", ""
    try:
        if note:
            writer.event("note", note)
        if said.get("temperature"):
            tell_temperature(writer, said["temperature"], told.get("device_truth"))
        with bench.signals.run():
            _execute(procedure, bench, writer, on_progress)
        if bench.signals.requested:
            status, reason = "aborted", f"stopped by {bench.signals.requested}"
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt | SystemExit)
        status = "aborted" if stopped else "failed"
        with bench.signals.hold():
            try:
                path = _close(bench, writer, status, f"{type(error).__name__}: {error}", error)
            except StorageError as second:  # must not hide what stopped the run
                if not isinstance(error, StorageError):  # else it says the same
                    error.add_note(f"the run was not finished: {second}")
            else:
                error.add_note(f"the run is kept in {path}")
        raise
    with bench.signals.hold():
        path = _close(bench, writer, status, reason, None)
    return Run.open(path)


def _execute(
    procedure: BenchProcedure, bench: Bench, writer: RunWriter, on_progress: Progress | None
) -> None:
    def emit(topic: str, value: Any) -> None:
        if topic == "progress" and on_progress is not None:
            on_progress(float(value))

    procedure.bench = bench
    procedure.writer = writer
    procedure.emit = emit
    procedure.should_stop = lambda: bool(bench.signals.requested)
    procedure.status = Procedure.RUNNING
    bench.account.start_run(writer.event)
    try:
        procedure.startup()
        if not procedure.should_stop():
            procedure.execute()
    finally:
        procedure.writer = None
        bench.account.end_run()
        procedure.shutdown()


def _close(
    bench: Bench, writer: RunWriter, status: str, reason: str, error: BaseException | None
) -> Path:
    """Make safe first, then finish the file; a failure of one does not stop the other."""
    text = "".join(traceback.format_exception(error)) if error is not None else ""
    unsafe: UnsafeShutdownError | None = None
    try:
        bench.make_safe()
    except UnsafeShutdownError as shutdown:
        unsafe = shutdown
        if (cause := _what_stopped(error)) is not None:
            unsafe.add_note(f"the run ended because of: {cause}")
        before = f"; before that: {reason}" if reason else ""
        status, reason = "failed", f"unsafe shutdown: {shutdown}{before}"
    # An instrument that is lost has no settings, a full disk no room: neither ends this here.
    with contextlib.suppress(InstrumentError, StorageError):
        for warning in bench.warnings:
            writer.event("warning", warning)
        writer.update_metadata({"instruments_after": bench.settings()})
    try:
        path = writer.finish(status, reason=reason, traceback=text)
    except StorageError as refused:
        if unsafe is None:
            raise
        unsafe.add_note(f"the run was not finished: {refused}")
    else:
        if unsafe is None:
            return path
        unsafe.add_note(f"the run is kept in {path}")
    raise unsafe from error


def _what_stopped(error: BaseException | None) -> BaseException | None:
    """Return what came before the bench could not be made safe."""
    while isinstance(error, UnsafeShutdownError):
        error = error.__cause__ or error.__context__
    return error


def _start(
    procedure: BenchProcedure,
    folder: Path,
    name: str | None,
    metadata: dict[str, Any],
    durable: float,
) -> RunWriter:
    """Open the file; of several runs that start in one second each gets a number."""
    stem = name or f"{datetime.now():%Y%m%d-%H%M%S}-{procedure.name()}"
    for number in range(1, _MOST_RUNS):
        path = folder / (f"{stem}.h5" if number == 1 else f"{stem}-{number}.h5")
        try:
            return RunWriter.create(
                path,
                procedure=procedure.name(),
                parameters=procedure.parameter_values(),
                parameter_units=procedure.units(),
                columns=procedure.COLUMNS,
                metadata=metadata,
                durable=durable,
                n_rows=procedure.row_estimate(),
                block_bytes=procedure.block_estimate(),
                plot=procedure.PLOT,
            )
        except StorageError:
            taken = path.exists() or journal_path(path).exists()
            if name is not None or not taken:  # a name that was asked for is not changed
                raise
    raise BenchError(f"{folder} holds {_MOST_RUNS - 1} runs named {stem}; choose another name")
