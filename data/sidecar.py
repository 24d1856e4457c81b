"""Small JSON files beside a run: what a person said of it, what a fit made of it."""

import json
from pathlib import Path
from typing import Any

from labsyn.data.errors import DataFileError


def read_sidecar(
    path: Path, key: str, schema: int, *, what: str, damage: str
) -> dict[str, Any]:
    """Return all that a sidecar holds, also what a later labsyn may have added.

    Empty if there is none.

    Parameters
    ----------
    path : Path
        Of the file.
    key, schema
        Where it says its schema, and the one that this labsyn reads.
    what, damage : str
        What such a file holds, and what to say of one that is no JSON, for messages.

    Raises
    ------
    DataFileError
        If the file cannot be read, is no JSON, or has another schema.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DataFileError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DataFileError(f"{path} is damaged{damage}") from error
    version = plain.get(key) if isinstance(plain, dict) else None
    if version != schema:
        raise DataFileError(f"{path}: {what} of schema {version!r}, this labsyn reads {schema}")
    return dict(plain)
