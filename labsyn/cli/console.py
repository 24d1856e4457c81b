"""What the verbs share: where they print, how they fail, how they show progress."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

    from labsyn.data.run import Run

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

OK, FAILED, USAGE, UNREACHABLE, UNSAFE, INTERRUPTED = 0, 1, 2, 3, 4, 130
_MOST_WARNINGS = 5


def fail(error: BaseException) -> int:
    """Print one sentence for `error` on stderr and return the exit code that it means."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else FAILED
    if isinstance(error, typer.Exit):
        return int(error.exit_code)
    if isinstance(error, BrokenPipeError):  # the reader of a pipe had enough
        sys.stdout = None
        return OK
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        say("interrupted")
        return INTERRUPTED
    if type(error).__module__.startswith(("click", "typer")) and hasattr(error, "show"):
        error.show(file=sys.stderr)
        return USAGE
    for note in [str(error), *getattr(error, "__notes__", [])]:
        say(note)
    return _code(error)


def _code(error: BaseException) -> int:
    from labsyn.data.errors import (
        ConfigError,
        InstrumentDisconnected,
        LabsynError,
        LimitError,
        LockedError,
        RoleError,
        UnitError,
        UnsafeShutdownError,
    )

    if isinstance(error, UnsafeShutdownError):
        return UNSAFE
    if isinstance(error, InstrumentDisconnected | LockedError):
        return UNREACHABLE
    if isinstance(error, ConfigError | LimitError | RoleError | UnitError):
        return USAGE
    if not isinstance(error, LabsynError):
        say(
            f"({type(error).__name__} is not an error that labsyn expects; "
            "run again with --traceback before the verb to see where it came from)"
        )
    return FAILED


def say(sentence: str) -> None:
    """Print a sentence on stderr, under the name of the program."""
    sys.stderr.write(f"labsyn: {harmless(sentence)}\n")


def tell(text: str) -> None:
    """Print a text on stdout that may come from a file."""
    typer.echo(harmless(text))


def leave_as(run: "Run") -> None:
    """Leave with the exit code that says how a run ended."""
    if run.status != "finished":
        raise typer.Exit(INTERRUPTED if run.status == "aborted" else FAILED)


def tell_warnings(run: "Run") -> None:
    """Print on stderr of what a run warns, and a breakdown that it found."""
    told = [event for event in run.events if event["kind"] in ("warning", "breakdown")]
    for event in told[:_MOST_WARNINGS]:
        say(f"{event['kind']}: {event['text']}")
    if (left := len(told) - _MOST_WARNINGS) > 0:
        say(f"{left} more warnings: labsyn show {run.path}")


def harmless(text: str) -> str:
    """Return what a terminal may be given of a text from a file: no control sequences."""
    return "".join(
        c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode()
        for c in text
    )


def print_json(value: Any, *, indent: int | None = 1) -> None:
    """Print `value` as JSON on stdout, and nothing else; without `indent` in one line."""
    import json

    sys.stdout.write(json.dumps(value, indent=indent) + "\n")


def print_table(title: str, heads: list[str], rows: list[list[str]]) -> None:
    """Print a table on stdout, as wide as the terminal allows."""
    from rich.console import Console
    from rich.table import Table

    width = None if sys.stdout.isatty() else 140
    console = Console(width=width, markup=False)  # "[limits]" is a text, no style
    table = Table(title=harmless(title), title_justify="left", title_style="bold")
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*map(harmless, row))
    console.print(table)


@contextmanager
def progress() -> Iterator["Progress"]:
    """Show progress bars on stderr: live on a terminal, silent bars elsewhere."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description:<46}"), BarColumn(), TimeElapsedColumn(),
        TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        yield bars


class Steps:
    """Progress of a job of several steps: a bar each on a terminal, a line each elsewhere."""

    def __init__(self, bars: "Progress") -> None:
        self._bars = bars
        self._task: Any = None

    def start(self, text: str) -> None:
        """Begin a step; the one before is done."""
        self.done()
        self._task = self._bars.add_task(text, total=100)
        if self._bars.disable:
            sys.stderr.write(f"{text}\n")

    def update(self, percent: float) -> None:
        """Show how far the step is."""
        self._bars.update(self._task, completed=percent)

    def done(self) -> None:
        """End the step."""
        if self._task is not None:
            self._bars.update(self._task, completed=100)


@contextmanager
def one_step(text: str) -> Iterator[Callable[[float, float], None]]:
    """Show the progress of a job of one step; gives a function of done and total."""
    with progress() as bars:
        steps = Steps(bars)
        steps.start(text)
        yield lambda done, total: steps.update(100 * done / total)
        steps.done()


def in_words(seconds: float) -> str:
    """Return a duration for people: ``"2 h 5 min"``."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    days, rest = divmod(round(seconds), 86400)
    hours, rest = divmod(rest, 3600)
    parts = [(days, "d"), (hours, "h"), (rest // 60, "min"), (rest % 60, "s")]
    first = next(i for i, (number, _) in enumerate(parts) if number)
    return " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2] if number)


def writable_folder(folder: Path) -> Path:
    """Return `folder`, made if need be; raise StorageError if nothing can be written there."""
    from labsyn.data.errors import StorageError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".labsyn-probe"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise StorageError(
            f"cannot write in {folder}: {error.strerror}; choose another folder with -o"
        ) from error
    return folder
