"""Procedures of users: files whose name ends in ``_procedure.py``, and installed packages.

A file is looked for in the working folder and in the folders that the environment variable
``LABSYN_PROCEDURES`` names, or is given by its path; a package has entry points in the group
``labsyn.procedures``. Files are run to be read, as Python always does: look into a file of
somebody else before. One that is broken is one sentence, and stops no other.
"""

import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from labsyn.data.errors import ConfigError
from labsyn.procedures.base import BenchProcedure

PATTERN = "*_procedure.py"
FOLDERS = "LABSYN_PROCEDURES"
GROUP = "labsyn.procedures"

Kind = type[BenchProcedure]
Load = Callable[[], list[Kind]]

_OWN = ("execute", "row_estimate", "duration")  # what every procedure has to say itself


@dataclass(kw_only=True)
class Found:
    """Procedures that can be run.

    Attributes
    ----------
    kinds : dict of str to type
        By name.
    origins : dict of str to str
        The file or package that each is from, if it is not labsyn's.
    broken : list of str
        A sentence for each file, package or class that cannot be used.
    shared : dict of str to str
        The sentence of each name that two files or packages use: which one is meant only
        a path can say.
    """

    kinds: dict[str, Kind] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    shared: dict[str, str] = field(default_factory=dict)


def find_custom(taken: Mapping[str, Kind]) -> Found:
    """Return the procedures of users; a name in `taken` cannot be used once more."""
    found = Found()
    for origin, load in _places():
        try:
            kinds = load()
        except ConfigError as error:
            found.broken.append(str(error))
            continue
        for kind in kinds:
            name = kind.name()
            if name in taken or name in found.kinds:
                other = found.origins.get(name, "labsyn itself")
                found.shared[name] = (
                    f"{origin}: {other} has a procedure {name!r} as well; give the class "
                    f"{kind.__name__} another name"
                )
                found.broken.append(found.shared[name])
                continue
            found.kinds[name], found.origins[name] = kind, origin
    return found


def load_file(path: Path) -> list[Kind]:
    """Return the procedures that a Python file defines, in its order.

    Raises
    ------
    ConfigError
        If the file is broken, naming the line; if it has no procedure, or an unfinished one.
    """
    try:
        source = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    module = _run(path, source)
    kinds = [
        each
        for each in vars(module).values()
        if inspect.isclass(each)
        and issubclass(each, BenchProcedure)
        and each.__module__ == module.__name__
        and not each.__name__.startswith("_")
    ]
    if not kinds:
        raise ConfigError(
            f"{path} defines no procedure: it needs a class that derives from BenchProcedure"
        )
    for kind in kinds:
        if fault := _fault(kind):
            raise ConfigError(f"{path}, line {_line_of(kind)}: {fault}")
        kind.SOURCE = source.decode(errors="replace")
    return kinds


def _run(path: Path, source: bytes) -> ModuleType:
    """Run the file as a module; not by import, which may take yesterday's from its cache."""
    module = ModuleType(f"labsyn_user_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses and inspect look there
    beside = str(path.parent.resolve())
    sys.path.append(beside)  # so that it may import a file that lies beside it
    try:
        exec(compile(source, str(path), "exec"), vars(module))
    except SyntaxError as error:
        where = f"{error.filename or path}, line {error.lineno}"
        raise ConfigError(f"{where}: {error.msg}; the file is left out") from error
    except (Exception, SystemExit) as error:
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == str(path)
        ]
        where = f"{path}, line {lines[-1]}" if lines else str(path)
        what = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{where}: {what}; the file is left out") from error
    finally:
        sys.path.remove(beside)
    return module


def _fault(kind: Kind) -> str:
    """Return what a class lacks to be a procedure; empty for nothing."""
    for name in _OWN:
        inherited = [base for base in kind.__mro__ if name in vars(base)]
        if inherited[0].__module__.startswith(("labsyn.procedures.base", "pymeasure.")):
            return f"{kind.__name__} has no method {name}(), which every procedure needs"
    if not kind.COLUMNS:
        return f"{kind.__name__} has no COLUMNS: name what a row holds"
    try:
        kind()
    except Exception as error:
        return f"{kind.__name__}() cannot be made: {type(error).__name__}: {error}"
    return ""


def _line_of(kind: type) -> int:
    try:
        return inspect.getsourcelines(kind)[1]
    except (OSError, TypeError):  # made by a function, say
        return 1


def _places() -> Iterator[tuple[str, Load]]:
    """Yield every place of procedures: what to call it, and what reads it."""
    for entry in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        yield _package(entry), partial(_load_entry, entry)
    seen = set()
    for folder in _folders():
        if not folder.is_dir():
            yield str(folder), partial(_no_folder, folder)
        for path in sorted(folder.glob(PATTERN)):
            if path.resolve() not in seen:
                seen.add(path.resolve())
                yield str(path), partial(load_file, path)


def _folders() -> list[Path]:
    named = os.environ.get(FOLDERS, "")
    return [Path(), *(Path(folder) for folder in named.split(os.pathsep) if folder)]


def _no_folder(folder: Path) -> list[Kind]:
    raise ConfigError(f"{FOLDERS} names {folder}, which is no folder")


def _package(entry: EntryPoint) -> str:
    package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
    return f"package {package}"


def _load_entry(entry: EntryPoint) -> list[Kind]:
    where = f"{_package(entry)}, entry point {entry.name}"
    try:
        kind = entry.load()
    except (Exception, SystemExit) as error:
        what = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{where}: {what}; it is left out") from error
    if not (inspect.isclass(kind) and issubclass(kind, BenchProcedure)):
        raise ConfigError(f"{where}: is no procedure; it must name a BenchProcedure")
    if fault := _fault(kind):
        raise ConfigError(f"{where}: {fault}")
    return [kind]
