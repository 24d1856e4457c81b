"""Run files that are whole, checksums and all, and say what no run ever said."""

import json
import random
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from labsyn.data.frames import BLOCK, ROW, frame_at, pack_frame
from labsyn.data.nexus import TEXTS, total_checksum

VALUES: list[Any] = [
    None, True, 0, -1, 2**63, -(2**70), 10**400, 1e308, float("nan"), float("-inf"), "",
    "\0", "\ud800", "../../x", "/", ".", "x" * 300, "\x1b[2J", "1e9999", "m**m**m**m", [], {},
    [[]], {"": {}}, [None], {"a": [1, "b"]}, "time", 1,
]  # fmt: skip


def lie(value: Any, rng: random.Random) -> Any:
    """Return a JSON value with one of its parts, or all of it, replaced or left out."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(sorted(value))
        match rng.randrange(12):
            case 0:
                return {k: v for k, v in value.items() if k != key}
            case 1:
                return value | {str(rng.choice(VALUES)): rng.choice(VALUES)}
        return value | {key: lie(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.9:
        i = rng.randrange(len(value))
        match rng.randrange(6):
            case 0:
                return value[:i] + value[i + 1 :]
            case 1:
                return [*value, value[i]]
        return [*value[:i], lie(value[i], rng), *value[i + 1 :]]
    return rng.choice(VALUES)


def lying_journal(data: bytes, rng: random.Random) -> bytes:
    """Return a journal of which one frame lies."""
    frames: list[tuple[bytes, bytes]] = []
    at = 0
    while found := frame_at(data, at, len(frames)):
        kind, payload, at = found
        frames.append((kind, payload))
    chosen = rng.choice([i for i, (kind, _) in enumerate(frames) if kind != ROW])
    if rng.random() < 0.3:  # the most is in the header
        chosen = 0
    kind, payload = frames[chosen]
    if kind == BLOCK:
        end = 4 + int.from_bytes(payload[:4], "little")
        text = json.dumps(lie(json.loads(payload[4:end]), rng)).encode()
        payload = len(text).to_bytes(4, "little") + text + payload[end:]
    elif payload[:1] == b"{":
        payload = json.dumps(lie(json.loads(payload), rng)).encode()
    frames[chosen] = kind, payload
    return b"".join(pack_frame(*frame, i) for i, frame in enumerate(frames))


def make_lie(path: Path, rng: random.Random) -> None:
    """Let the finished file `path` say something else, and correct its checksum."""
    with h5py.File(path, "r+") as file:
        entry = file["entry"]
        texts = {name: entry[f"config/{name}"][()].decode() for name in TEXTS}
        name = rng.choice(TEXTS)
        texts[name] = json.dumps(lie(json.loads(texts[name]), rng))
        del entry[f"config/{name}"]
        entry[f"config/{name}"] = np.bytes_(texts[name])
        try:
            checksums = _checksums(entry, texts)
        except Exception:  # it names what is not there, and is refused for that
            return
        checksum = total_checksum(texts, checksums, int(entry.attrs["torn_bytes"]))
        entry.attrs.modify("sha256", np.bytes_(checksum))


def _checksums(entry: Any, texts: dict[str, str]) -> list[str]:
    columns = [name for name, _, _ in json.loads(texts["header"])["columns"]]
    blocks = [said["name"] for said in json.loads(texts["blocks"])]
    names = [f"data/{name}" for name in dict.fromkeys(columns)]
    names += [f"waveforms/{name}/values" for name in dict.fromkeys(blocks)]
    return [entry[name].attrs["sha256"].decode() for name in names]
