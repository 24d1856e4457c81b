"""One line of the catalogue: what is known of a run without its rows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from labsyn.data.fit_metrics import Metric

UNREADABLE = "unreadable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A run, as the catalogue knows it.

    Attributes
    ----------
    file : str
        The run file below the folder of the catalogue, with "/" on every system.
    status : str
        As of `Run`, or "unreadable": then `problem` says why, and little else is known.
    device : str
        What was measured: ``device`` of the sample, else the device that was simulated.
    started, ended : str
        ISO 8601 with UTC offset; `ended` is empty while running.
    duration : float or None
        Seconds by the monotonic clock; None if the end was not recorded.
    parameters, parameter_units, sample : mapping
        As stored in the run.
    tags, note : tuple of str, str
        From ``NAME.tags.json``.
    fit : mapping of str to Metric
        What is in ``NAME.fit.json``, by the name of the metric.
    problem : str
        What of the run, its labels or its fit could not be read; empty for nothing.
    pid : int or None
        Process that writes the journal, on `host`; None for a run that was ended.
    """

    file: str
    status: str = UNREADABLE
    uuid: str = ""
    procedure: str = ""
    device: str = ""
    started: str = ""
    ended: str = ""
    duration: float | None = None
    n_rows: int | None = None
    simulated: bool = False
    seed: int | None = None
    operator: str = ""
    host: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    parameter_units: Mapping[str, str] = field(default_factory=dict)
    sample: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    note: str = ""
    fit: Mapping[str, Metric] = field(default_factory=dict)
    problem: str = ""
    pid: int | None = None

    @property
    def name(self) -> str:
        """Name of the run: its file without the suffix."""
        return self.file.removesuffix(".h5")

    @property
    def moment(self) -> float:
        """When the run started, in seconds since 1970; minus infinity if that is not known."""
        try:
            return datetime.fromisoformat(self.started).timestamp()
        except (ValueError, OverflowError, OSError):
            return -math.inf

    def facts(self) -> dict[str, Any]:
        """Return everything for the index, which knows how to undo it."""
        return {name: getattr(self, name) for name in self.__slots__}

    def to_dict(self) -> dict[str, Any]:
        """Return everything for other programs: numbers that JSON does not know are None."""
        fit = {name: metric._asdict() for name, metric in self.fit.items()}
        plain: dict[str, Any] = _finite({"name": self.name} | self.facts() | {"fit": fit})
        del plain["pid"]
        return plain


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
