"""A mapping whose values are read when they are asked for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


class Lazy(Mapping[str, T]):
    """Values by name, each read when it is used.

    Parameters
    ----------
    names : sequence of str
        In order.
    read : callable
        Returns the value of a name.
    keep : bool
        Whether a value that was read is kept, or read again.
    """

    def __init__(
        self, names: Sequence[str], read: Callable[[str], T], *, keep: bool = True
    ) -> None:
        self._names = dict.fromkeys(names)
        self._read = read
        self._keep = keep
        self._values: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if name not in self._names:
            raise KeyError(name)
        if name in self._values:
            return self._values[name]
        value = self._read(name)
        if self._keep:
            self._values[name] = value
        return value

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"<{', '.join(self._names)}>"
