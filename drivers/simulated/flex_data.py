"""Measurement data as a B1500A sends them: formats, status letters, status numbers."""

from typing import NamedTuple

from labsyn.drivers.simulated.flex import INVALID, format_number

ASCII_FORMATS = (1, 2, 5, 11, 12, 15, 21, 22, 25)
_NO_HEADER = (2, 12, 22)
_STATUS_NUMBERS = (21, 25)
_COMMA_TERMINATED = (5, 15, 25)
_LONG_NUMBERS = (11, 12, 15, 21, 22, 25)
_LETTERS = "ZABCDEFGHIJ"
_OVERFLOW, _OTHER_COMPLIANCE, _THIS_COMPLIANCE, _INVALID_DATA = 1, 4, 8, 64


class Item(NamedTuple):
    """One value with what belongs in its header.

    Attributes
    ----------
    channel : int
        Slot, or slot * 100 + 2 for a second sub-channel; 0 for none (channel letter V is
        kept for the ground unit, Z for the rest).
    kind : str
        ``V``, ``I``, ``T`` (time), ``X`` (sampling index), ``F`` (frequency); ``Z``, ``Y``,
        ``C``, ``L``, ``R`` and ``P`` (phase in radian, degree), ``D`` and ``Q`` of a
        capacitance unit, where resistances are ``Z`` and conductances ``Y``.
    value : float or None
        None where the instrument has no value.
    source : str
        Empty for measured data, else ``"W"`` for a step of the source and ``"E"`` for its
        last.
    this_compliance, other_compliance : bool
        Whether this unit, another unit is held by its compliance.
    aborted : bool
        Whether the sweep ended before this point.
    range_code : int
        Range of the reading or of the source, 0 for none.
    scale : float
        The same in volt or ampere.
    adc : int
        Converter: 0 high speed, 1 high resolution.
    """

    channel: int
    kind: str
    value: float | None
    source: str = ""
    this_compliance: bool = False
    other_compliance: bool = False
    aborted: bool = False
    range_code: int = 0
    scale: float = 0.0
    adc: int = 0

    @property
    def slot(self) -> int:
        """Slot of the module."""
        return self.channel // 100 if self.channel > 10 else self.channel

    @property
    def failed(self) -> bool:
        """Whether it meets a condition of the automatic abort: compliance or overflow."""
        return self.value is None or self.this_compliance or self.other_compliance

    @property
    def letter(self) -> str:
        """Status letter of FMT 1, 5, 11 and 15: the most severe one."""
        if self.source:
            return self.source
        if self.value is None:
            return "V"
        if self.this_compliance:
            return "C"
        return "T" if self.other_compliance else "N"

    @property
    def number(self) -> int:
        """Status of FMT 21 and 25: the sum of all that holds."""
        status = _THIS_COMPLIANCE * self.this_compliance
        status += _OTHER_COMPLIANCE * self.other_compliance
        if self.value is None:
            status += _INVALID_DATA if self.aborted else _OVERFLOW
        return status

    def text(self, data_format: int) -> str:
        """Return the item in one of `ASCII_FORMATS`."""
        decimals = 4 if data_format in _LONG_NUMBERS else 3
        value = format_number(INVALID if self.value is None else self.value, decimals)
        if data_format in _NO_HEADER:
            return value
        channel = _LETTERS[self.channel] if self.channel <= 10 else _LETTERS[self.slot].lower()
        if data_format in _STATUS_NUMBERS:
            status = f"  {self.source}" if self.source else f"{self.number:03d}"
            kind = self.kind.lower() if self.source else self.kind
            return f"{status}{channel}{kind}{value}"
        return f"{self.letter}{channel}{self.kind}{value}"


def data_message(items: list[Item], data_format: int) -> tuple[str, bool]:
    """Return the message of all `items`, and whether it ends with EOI.

    FMT 5, 15 and 25 end with a comma, so that all data of a session are one list; the
    other formats end with CR LF and EOI.
    """
    comma = data_format in _COMMA_TERMINATED
    text = ",".join([item.text(data_format) for item in items])
    return text + ("," if comma else "\r\n"), not comma
