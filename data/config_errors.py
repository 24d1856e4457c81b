"""What is wrong with a configuration that pydantic refused, in sentences."""

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from labsyn.data.hints import did_you_mean


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
        hint = did_you_mean(str(item["loc"][-1]), keys)
        return "; ".join(filter(None, (f"unknown key {where!r}", hint)))
    if item["type"] == "missing":
        return f"{where} is missing"
    return f"{where}: {item['msg']}"
