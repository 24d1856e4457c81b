"""What is wrong with a configuration that pydantic refused, in sentences."""

import difflib
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError


def config_sentences(error: ValidationError, keys: Iterable[str]) -> str:
    """Return what is wrong: each key by its place, a wrong one with the nearest of `keys`.

    The first of a list is number 1, as people count: ``step 1.repeat``.
    """
    known = list(keys)
    return "; ".join(_sentence(item, known) for item in error.errors())


def _sentence(item: Any, keys: list[str]) -> str:
    parts = (f" {part + 1}" if isinstance(part, int) else f".{part}" for part in item["loc"])
    where = "".join(parts).removeprefix(".")
    if item["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(item["loc"][-1]), keys, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"unknown key {where!r}{hint}"
    if item["type"] == "missing":
        return f"{where} is missing"
    return f"{where}: {item['msg']}"
