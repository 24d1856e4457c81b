"""Binary measurement data of a B1500A: 4 bytes an item (FMT 3, 4) or 8 (FMT 13, 14).

The layout of both, the resolution of the source and of 4-byte data, the time and the
severity of statuses are those of the Programming Guide (ed. 11, pages 1-36 to 1-53). What
of its tables is not known here stands in the constants below, each with a remark: change
it there.
"""

import math

from labsyn.drivers.simulated.flex_data import Item

SHORT_FORMATS = (3, 4)
BINARY_FORMATS = (3, 4, 13, 14)
_EOI_ONLY = (4, 14)  # the others end with CR LF

# Range codes in the data; those of current ranges are those of RI. Unverified.
_VOLTAGE_CODES = {2: 10, 5: 8, 20: 11, 50: 9, 200: 12, 400: 13, 1000: 14, 2000: 15}
# Parameter of 8-byte data; time is verified (page 1-53), the others are not.
_PARAMETERS = {"V": 0, "I": 1, "T": 3, "X": 6}
_MEASURED_STEPS, _SOURCE_STEPS = 50_000, 20_000  # counts a range, 4 bytes (page 1-37)
_LONG_STEPS = 1_000_000  # of both, 8 bytes (page 1-37)
_TIME_STEPS = 1_000_000  # a second
_SHORT_INVALID = 1 << 16
_LONG_INVALID = 1 << 31
_TIME_INVALID = 1 << 47


def binary_message(items: list[Item], data_format: int) -> tuple[bytes, int]:
    """Return the message of `items`, and how many are in it.

    There is no time in 4-byte data.
    """
    short = data_format in SHORT_FORMATS
    sent = [item for item in items if not (short and item.kind == "T")]
    body = b"".join(_short(item) if short else _long(item) for item in sent)
    return body + (b"" if data_format in _EOI_ONLY else b"\r\n"), len(sent)


def _short(item: Item) -> bytes:
    """Type (1 bit), parameter (1), range (5), count (17), status (3), channel (5)."""
    steps = _SOURCE_STEPS if item.source else _MEASURED_STEPS
    count = _count(item, steps, _SHORT_INVALID)
    word = (not item.source) << 31 | (item.kind == "I") << 30 | _range_code(item) << 25
    word |= (count & 0x1FFFF) << 8 | _short_status(item) << 5 | item.slot
    return word.to_bytes(4, "big")


def _long(item: Item) -> bytes:
    """Type and parameter, range, count (4 bytes), status, converter and channel."""
    head = (not item.source and item.kind not in "TX") << 7 | _PARAMETERS[item.kind]
    if item.kind == "T":
        count = _time_count(item)
        return bytes([head]) + count.to_bytes(6, "big") + bytes([item.slot])
    if item.kind == "X":
        count = int(item.value or 0)
    else:
        count = _count(item, _LONG_STEPS, _LONG_INVALID)
    converter = 0 if item.source else item.adc
    return (
        bytes([head, _range_code(item)])
        + (count & 0xFFFFFFFF).to_bytes(4, "big")
        + bytes([_long_status(item), converter << 5 | item.slot])
    )


def _count(item: Item, steps: int, invalid: int) -> int:
    """Return the value in steps of its range; the lowest count means that there is none."""
    if item.value is None or not math.isfinite(item.value):
        return -invalid
    count = round(item.value * steps / item.scale) if item.scale else 0
    return count if abs(count) < invalid else -invalid


def _time_count(item: Item) -> int:
    if item.value is None:
        return _TIME_INVALID
    return min(round(item.value * _TIME_STEPS), _TIME_INVALID - 1)


def _range_code(item: Item) -> int:
    if item.kind == "V":
        return _VOLTAGE_CODES.get(item.range_code, 0)
    return item.range_code


def _short_status(item: Item) -> int:
    """Return the most severe status: 0 < 1 (T) < 2 (C) < 3 (V) (page 1-45)."""
    if item.source:
        return {"W": 1, "E": 2}[item.source]
    return {"N": 0, "T": 1, "C": 2, "V": 3}[item.letter]


def _long_status(item: Item) -> int:
    """Return the status bits in their order of severity (page 1-52)."""
    if item.source:
        return {"W": 1, "E": 2}[item.source]
    return item.other_compliance | item.this_compliance << 1 | (item.value is None) << 2
