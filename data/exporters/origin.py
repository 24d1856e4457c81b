"""What every exported file says of the run that it was made from."""

from typing import TYPE_CHECKING

from labsyn.data.provenance import provenance, timestamp

if TYPE_CHECKING:
    from labsyn.data.run import Run


def origin(run: "Run") -> dict[str, str]:
    """Return name and checksum of the file of a run, and who exported it when."""
    return {
        "run": run.path.name,
        "sha256": run.sha256(),
        "exported": timestamp(),
        "exported_by": exporter(),
    }


def exporter() -> str:
    """Return the name and version of this program."""
    return f"labsyn {provenance().get('labsyn', '')}".rstrip()


def kept_rows(run: "Run") -> list[str]:
    """Return what is to be said of flagged rows where all rows are exported."""
    flagged = run.n_flagged
    if not flagged:
        return []
    return [
        f"{flagged} of {run.n_rows} rows are flagged; they are kept, the column flags says so"
    ]


def left_out_blocks(run: "Run") -> list[str]:
    """Return what is to be said of blocks where there is no place for them."""
    if not run.blocks:
        return []
    return [f"a table has no place for blocks ({', '.join(run.blocks)}); netCDF keeps them"]
