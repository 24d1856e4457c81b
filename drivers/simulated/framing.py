"""Where messages end on a wire without an END line: a socket, a serial port."""

import re

# A text in quotes, or the head of a definite length block (IEEE 488.2, 7.7.6): the bytes of
# a block may be line feeds.
_SKIPPED = re.compile(rb"""(?P<text>"[^"\n]*"|'[^'\n]*')|[ ,]#(?P<digits>[1-9])""")


def whole_messages(pending: bytes) -> tuple[list[bytes], bytes]:
    """Return the messages that an LF ends, that LF included, and what is not whole yet."""
    messages: list[bytes] = []
    start = place = 0
    while (end := pending.find(b"\n", place)) >= 0:
        skipped = _SKIPPED.search(pending, place, end)
        if skipped is not None:
            place = skipped.end() + _block_length(pending, skipped)
            continue
        messages.append(pending[start : end + 1])
        start = place = end + 1
    return messages, pending[start:]


def _block_length(pending: bytes, head: re.Match[bytes]) -> int:
    """Return the bytes of a block after its first digit; 0 if that was no block."""
    if head["digits"] is None:
        return 0
    n_digits = int(head["digits"])
    digits = pending[head.end() : head.end() + n_digits]
    return n_digits + int(digits) if len(digits) == n_digits and digits.isdigit() else 0
