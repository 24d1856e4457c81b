"""Parameters, metadata and events as JSON: what a run file can hold besides numbers."""

import json
import os
from collections.abc import Mapping
from typing import Any

from labsyn.data.errors import DataFileError


def to_json(value: Mapping[str, Any], where: str) -> str:
    """Return `value` as JSON text in ASCII; `where` names it in the message.

    Raises
    ------
    DataFileError
        If something in it has no equal in JSON, naming the key that leads to it.
    """
    return json.dumps(plain(value, where), ensure_ascii=True)


def plain(value: Any, where: str) -> Any:
    """Return `value` made of dict, list, str, int, float, bool and None only."""
    if value is None or isinstance(value, str | bool):
        return value if not isinstance(value, str) else str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    import numpy as np  # 0.1 s, and nobody who only reads JSON needs it

    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufU":
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {str(key): plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    raise DataFileError(
        f"{where} is a {type(value).__name__}, which a run file cannot hold; use numbers, "
        "texts, lists, and mappings with text keys"
    )


def from_json(payload: bytes | str) -> dict[str, Any] | None:
    """Return the mapping that a JSON text holds, or None if it holds none."""
    try:
        plain = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return plain if isinstance(plain, dict) else None


def is_count(value: Any) -> bool:
    """Whether that can be a number of rows."""
    return type(value) is int and 0 <= value < 2**63
