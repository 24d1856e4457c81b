"""Answers that wait to be read, one message each, first in, first out."""

from collections import deque


class AnswerQueue:
    """What an instrument has to say, each answer ending with EOI.

    Parameters
    ----------
    limit : int
        Answers that may wait at most; one more empties the queue (IEEE 488.2, 6.3.2.2).
    """

    def __init__(self, limit: int = 64) -> None:
        self._limit = limit
        self._waiting: deque[bytes] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, answer: bytes) -> bool:
        """Append one answer; return False if there was no room, and all are lost."""
        if len(self._waiting) >= self._limit:
            self._waiting.clear()
            return False
        self._waiting.append(answer)
        return True

    def clear(self) -> None:
        self._waiting.clear()

    def read(self, count: int, termchar: bytes = b"") -> tuple[bytes, bool]:
        """Return up to `count` bytes of one answer, and whether that was its end.

        With a `termchar` they end after the first one.
        """
        if not self._waiting:
            return b"", False
        answer = self._waiting.popleft()
        place = answer.find(termchar, 0, count) if termchar else -1
        length = place + 1 if place >= 0 else count
        taken, left = answer[:length], answer[length:]
        if left:
            self._waiting.appendleft(left)
        return taken, not left
