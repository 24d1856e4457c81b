"""The command ``labsyn``: verbs, exit codes, and one clear sentence for every error."""

import contextlib
import sys
from typing import Annotated

import typer

from labsyn.cli import (
    bench,
    catalogue,
    demo,
    exporting,
    fit,
    importing,
    labels,
    recovering,
    run,
    show,
    simulate,
    watch,
)
from labsyn.cli.console import INTERRUPTED, OK, fail

app = typer.Typer(
    name="labsyn",
    help="From pulses on an artificial synapse to the accuracy of a network made of it.",
    epilog="Start with: labsyn demo",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("run", add_help_option=False)(run.run)
app.command("import", epilog=importing.EXAMPLES)(importing.import_)
app.command("fit")(fit.fit)
app.command("export", epilog=exporting.EXAMPLES)(exporting.export)
app.add_typer(simulate.app, name="simulate")
app.add_typer(bench.app, name="bench")
app.command("watch")(watch.watch)
app.command("recover")(recovering.recover)
app.command("list")(catalogue.list_runs)
app.command("search")(catalogue.search)
app.command("show")(show.show)
app.command("tag", context_settings=labels.TAG_SETTINGS)(labels.tag)
app.command("note")(labels.note)

_TRACEBACK = "--traceback"


def _version(wanted: bool) -> None:
    if wanted:
        from labsyn import __version__

        typer.echo(f"labsyn {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")
    ] = False,
    traceback: Annotated[
        bool, typer.Option(_TRACEBACK, help="Show where an error came from.")
    ] = False,
) -> None:
    """Take the options that come before a verb."""


def main() -> None:
    """Run the command line and leave with its exit code.

    0 all went well, 1 something failed, 2 wrong usage or configuration, 3 the bench cannot
    be reached (another program that drives it counts), 4 the bench could not be made safe,
    130 interrupted.
    """
    wants_traceback = _TRACEBACK in sys.argv
    arguments = [word for word in sys.argv[1:] if word != _TRACEBACK]
    with contextlib.suppress(AttributeError):  # a stream that cannot write β writes "?"
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        # Outside its standalone mode the application returns the code of an Exit.
        code = app(args=arguments, prog_name="labsyn", standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:
        if wants_traceback and not isinstance(error, SystemExit | typer.Exit):
            import traceback

            traceback.print_exc()
        sys.exit(fail(error))
    if code == INTERRUPTED:
        sys.stderr.write("labsyn: interrupted\n")
    sys.exit(code if isinstance(code, int) else OK)
