"""Open mutated copies of a run file, one line of output each; memory and time are capped.

Run as a program by `test_fuzz`, because a damaged HDF5 file can end the process, or keep it.
"""

import contextlib
import importlib
import io
import os
import random
import sys
import traceback
from pathlib import Path
from typing import Any

from lies import lying_journal, make_lie

from labsyn.cli.main import app
from labsyn.data.catalogue_facts import read_entry
from labsyn.data.errors import LabsynError
from labsyn.data.run import Run

resource: Any = importlib.import_module("resource") if os.name == "posix" else None
_ROOM = 1 << 27  # bytes that all files together, of some kilobytes each, may add to the peak
_MOST = 1 << 33  # bytes that a file may make the reader ask for
_TIME = 10  # seconds of the processor for a file that takes milliseconds
SAID = (
    "uuid", "procedure", "parameters", "parameter_units", "units", "long_names",
    "provenance", "start_time", "status", "torn_bytes",
)  # fmt: skip
_NUMBERS = (0, 1, 255, 2**16, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1)


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Return `data` damaged in one of the ways that disks, programs and people damage it."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        at, length = rng.randrange(len(out)), rng.choice((1, 2, 4, 8, 64, 512))
        match rng.randrange(9):
            case 0:
                out[at] ^= 1 << rng.randrange(8)
            case 1:
                out[at : at + length] = rng.randbytes(length)
            case 2:  # sizes and addresses are little-endian integers
                out[at : at + 8] = rng.choice(_NUMBERS).to_bytes(8, "little")
            case 3:  # an address of something else
                out[at // 8 * 8 : at // 8 * 8 + 8] = rng.randrange(len(out)).to_bytes(
                    8, "little"
                )
            case 4:
                del out[max(at, 1) :]
            case 5:
                out[at:at] = rng.randbytes(length)
            case 6:
                source = rng.randrange(len(out))
                out[at : at + length] = out[source : source + length]
            case 7:  # a block that a disk lost
                at -= at % 512
                out[at : at + 512] = bytes(len(out[at : at + 512]))
            case _:
                out += rng.randbytes(length)
    return bytes(out)


def everything(run: Run) -> dict[str, Any]:
    """Return all that a run says, with every column and block read."""
    blocks = {
        name: (
            block.values.tobytes(), block.shape, block.unit, block.row, block.time,
            [axis and (axis.name, axis.unit, repr(axis.values)) for axis in block.axes],
        )
        for name, block in run.blocks.items()
    }  # fmt: skip
    columns = {name: values.tobytes() for name, values in run.columns.items()}
    plain = {name: getattr(run, name) for name in SAID}
    return plain | {"columns": columns, "blocks": blocks, "events": run.events}


def tell_lies(path: Path, data: bytes, rng: random.Random) -> None:
    """Write a run file that is whole and says what no run ever said."""
    if path.suffix == ".part":
        path.write_bytes(lying_journal(data, rng))
    else:
        path.write_bytes(data)
        make_lie(path, rng)


def believe(path: Path, *, aloud: bool) -> None:
    """Do with a run file what people do; raise what comes out of it."""
    run = Run.open(path)
    everything(run)
    run.frame()
    repr(run)
    if not aloud:
        return
    for verb in (["list", str(path.parent)], ["show", str(run.path)]):
        with contextlib.redirect_stdout(io.StringIO()):
            app(args=verb, prog_name="labsyn", standalone_mode=False)


def is_right(run: Run, whole: dict[str, Any], *, journal: bool) -> bool:
    """Whether a run says what `whole` says, of a journal as far as it goes."""
    found = everything(run)
    if not journal:
        return found == whole
    del found["status"], found["torn_bytes"]
    for kind in ("columns", "blocks", "events"):
        part, all_of_it = found.pop(kind), whole[kind]
        if kind == "columns":
            right = all(all_of_it[name].startswith(part[name]) for name in all_of_it)
        elif kind == "blocks":
            right = part.items() <= all_of_it.items()
        else:
            right = part == all_of_it[: len(part)]
        if not right or len(part) > len(all_of_it):
            return False
    return run.status in ("finished", "interrupted") and found.items() <= whole.items()


def outcome(path: Path, whole: dict[str, Any], *, lies: bool, aloud: bool) -> str:
    """Return "refused" or "opened"; anything else is a defect.

    What is in the file is compared with `whole`, unless it `lies`; then all of it is used,
    `aloud` also on the command line, which takes long.
    """
    try:
        read_entry(path.parent, "a.h5")
        right = True
        if lies:
            believe(path, aloud=aloud)
        else:
            right = is_right(Run.open(path), whole, journal=path.suffix == ".part")
    except LabsynError as error:
        if isinstance(error.__cause__, MemoryError):
            return f"memory: {error}"
        return "refused" if str(path.parent) in str(error) else f"unnamed: {error}"
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {where.name}: {error}"
    if list(path.parent.glob("*.tmp")):
        return "a temporary file was left"
    return "opened" if right else "wrong values"


def cap() -> None:
    """Keep this process from taking the whole computer along."""
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (_MOST, _MOST))


def peak_memory() -> int:
    """Return the most memory that this process ever used, in bytes; 0 if nobody knows.

    Used, not asked for: HDF5 asks for what a damaged size says before it finds that the file
    is shorter, and never touches it.
    """
    if resource is None:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit


def start_clock() -> None:
    """Let the system end this process if a file takes too long."""
    import signal

    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, _TIME)


def main(original: Path, first: int, last: int, damage: str) -> None:
    data, lies = original.read_bytes(), damage == "lies"
    whole = everything(Run.open(original.with_name("whole.h5")))
    cap()
    before = peak_memory()
    for seed in range(first, last):
        folder = original.parent / f"m{seed}"
        folder.mkdir(exist_ok=True)
        path = folder / f"a.h5{'.part' if original.suffix == '.part' else ''}"
        rng = random.Random(seed)
        if lies:
            tell_lies(path, data, rng)
        else:
            path.write_bytes(mutate(data, rng))
        os.write(1, f"{seed} ".encode())
        start_clock()
        told = outcome(path, whole, lies=lies, aloud=seed % 4 == 0)
        if peak_memory() > before + _ROOM:
            told = f"{peak_memory() - before} bytes more than before; {told}"
        os.write(1, f"{told!r}\n".encode())
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
