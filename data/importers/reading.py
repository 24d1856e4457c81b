"""Read any file that is imported, whatever its format."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from labsyn.data.errors import ConfigError
from labsyn.data.importers.assemble import assemble
from labsyn.data.importers.formats import Format, by_name, detect
from labsyn.data.importers.options import ImportOptions
from labsyn.data.importers.result import Imported
from labsyn.data.importers.source import Source


def import_files(
    paths: Sequence[Path | str],
    format: str | None = None,
    options: ImportOptions | None = None,
) -> Imported:
    """Return the measurement in a file, or in the files of a format that joins several.

    Parameters
    ----------
    paths : sequence of path
        One file; several only of CrossSim's.
    format : str, optional
        Name of the format; found by content otherwise.
    options : ImportOptions, optional
        What the files do not say themselves.

    Raises
    ------
    ImportFormatError
        If a file breaks its format, with its first offending line, or does not say a unit.
    DataFileError
        If it does not exist or cannot be read.
    ConfigError
        If the format is not known, or has no use for an option.
    """
    options = options or ImportOptions()
    sources = [Source(Path(path)) for path in paths]
    if not sources:
        raise ConfigError("no file was given to import")
    chosen = by_name(format) if format else detect(sources[0], options)
    return read_sources(sources, chosen, options)


def group(
    paths: Sequence[Path], format: str | None, options: ImportOptions
) -> tuple[list[tuple[list[Source], Format]], dict[Path, Exception]]:
    """Return the measurements that files hold, and what was wrong with the others.

    Files of a format that joins several in one folder are one measurement, in the
    place of the first.
    """
    groups: list[tuple[list[Source], Format]] = []
    failed: dict[Path, Exception] = {}
    for path in paths:
        try:
            source = Source(path)
            chosen = by_name(format) if format else detect(source, options)
        except ConfigError:
            raise
        except ValueError as error:
            failed[path] = error
            continue
        for sources, known in groups:
            same_folder = sources[0].path.parent == path.parent  # each device has its own
            if chosen.joins and known is chosen and same_folder:
                sources.append(source)
                break
        else:
            groups.append(([source], chosen))
    return groups, failed


def with_unit(options: ImportOptions | None, unit: str | None) -> ImportOptions:
    """Return the options with the unit of the conductance.

    Raises
    ------
    ConfigError
        If they state one already.
    """
    options = options or ImportOptions()
    if unit is None:
        return options
    if options.unit is not None:
        raise ConfigError(f"unit={unit!r} and options.unit={options.unit!r}: state one")
    return replace(options, unit=unit)


def read_sources(sources: Sequence[Source], chosen: Format, options: ImportOptions) -> Imported:
    """Return the measurement in files whose format is known; see `import_files`."""
    useless = sorted(options.stated - chosen.options)
    if useless:
        raise ConfigError(
            f"{sources[0].path} is {chosen.title}, which has no use for {useless[0]!r}; it "
            f"takes {', '.join(sorted(chosen.options))}"
        )
    if len(sources) > 1 and not chosen.joins:
        raise ConfigError(f"{chosen.title} is imported one file at a time")
    raw = chosen.read(sources, options)
    defaults = ImportOptions()
    left = replace(options, **{name: getattr(defaults, name) for name in chosen.settles})
    files = [{"name": source.path.name, "sha256": source.sha256} for source in sources]
    return replace(assemble(raw, left, chosen.name, files), stated=options.told())
