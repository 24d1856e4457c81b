"""The two output stores of a B1500A: query answers first, then measurement data."""

from collections import deque


class OutputStore:
    """Answers that wait to be read (Programming Guide, ed. 11, page 1-25).

    The query buffer holds one answer, a newer one replaces it. Data stay until read or
    cleared, message by message. A read takes the query buffer first.
    """

    def __init__(self) -> None:
        self._query = b""
        self._data: deque[tuple[bytes, bool]] = deque()
        self._n_items: deque[int] = deque()

    def answer(self, text: str) -> None:
        """Put one answer into the query buffer."""
        self._query = text.encode("ascii") + b"\r\n"

    def add_data(self, message: bytes, n_items: int, *, end: bool = True) -> None:
        """Append `n_items` of data; `end` says whether their last byte carries EOI."""
        self._data.append((message, end))
        self._n_items.append(n_items)

    def clear(self) -> None:
        """Empty both stores."""
        self._query = b""
        self.clear_data()

    def clear_data(self) -> None:
        """Empty the data buffer."""
        self._data.clear()
        self._n_items.clear()

    @property
    def is_waiting(self) -> bool:
        """Whether an answer or measurement data wait to be read."""
        return bool(self._query or self._data)

    @property
    def n_items(self) -> int:
        """Number of data items that wait; a message half read still counts in full."""
        return sum(self._n_items)

    def read(self, count: int, termchar: bytes = b"") -> tuple[bytes, bool]:
        """Return up to `count` bytes of one message, and whether that was its end.

        With a `termchar` they end after the first one.
        """
        if self._query:
            taken, self._query = _take(self._query, count, termchar)
            return taken, not self._query
        if not self._data:
            return b"", False
        data, end = self._data.popleft()
        taken, left = _take(data, count, termchar)
        if left:
            self._data.appendleft((left, end))
        else:
            self._n_items.popleft()
        return taken, end and not left


def _take(data: bytes, count: int, termchar: bytes) -> tuple[bytes, bytes]:
    place = data.find(termchar, 0, count) if termchar else -1
    length = place + 1 if place >= 0 else count
    return data[:length], data[length:]
