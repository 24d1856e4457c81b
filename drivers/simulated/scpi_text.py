"""Parameters of SCPI commands that are no numbers: strings, names and blocks of bytes."""

import re
from dataclasses import dataclass
from typing import Any

from labsyn.drivers.simulated.scpi_values import ScpiError


@dataclass(frozen=True)
class Text:
    """A quoted string, or bare character data such as the name of a waveform.

    ``quoted`` is False for bare words; the answer is quoted only if it is True.
    """

    quoted: bool = True
    optional: bool = False

    def read(self, text: str, owner: Any) -> str:
        if len(text) > 1 and text[0] in "\"'" and text[-1] == text[0]:
            return text[1:-1].replace(2 * text[0], text[0])
        if self.quoted or not re.fullmatch(r"[A-Za-z]\w*", text, re.ASCII):
            raise ScpiError(-151)
        return text

    def show(self, value: str) -> str:
        return '"{}"'.format(value.replace('"', '""')) if self.quoted else value


@dataclass(frozen=True)
class Block:
    """A definite-length block: ``#``, the number of digits, the length, the bytes."""

    optional: bool = False

    def read(self, text: str, owner: Any) -> bytes:
        match = re.match(r"#([1-9])", text)
        if match is None:
            raise ScpiError(-161)
        start = 2 + int(match[1])
        length = text[2:start]
        if not re.fullmatch(r"[0-9]+", length) or len(length) != int(match[1]):
            raise ScpiError(-161)
        content, rest = text[start : start + int(length)], text[start + int(length) :]
        if len(content) < int(length) or rest.strip():
            raise ScpiError(-161)
        return content.encode("latin-1")

    def show(self, value: bytes) -> str:
        length = str(len(value))
        return f"#{len(length)}{length}" + value.decode("latin-1")
