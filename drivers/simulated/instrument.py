"""What a simulated instrument must do to sit on a simulated bench."""

from typing import ClassVar, Protocol, runtime_checkable


class SimulatedInstrument(Protocol):
    """An instrument on the wire: bytes in, bytes out, never an exception."""

    def write(self, data: bytes) -> None:
        """Take one message; the end of `data` is the end of the message."""

    def read(self, count: int, termchar: bytes = b"") -> tuple[bytes, bool]:
        """Return up to `count` bytes, and whether the last one carries EOI.

        They end early after `termchar`. No bytes mean that there is nothing to say.
        """

    def has_answer(self) -> bool:
        """Tell whether `read` would return something; asking is no read."""

    def clear(self) -> None:
        """Answer a device clear: forget what waits to be read."""

    def trigger(self) -> None:
        """Answer a group execute trigger."""

    def status_byte(self) -> int:
        """Return the byte of a serial poll."""


@runtime_checkable
class FragileInstrument(SimulatedInstrument, Protocol):
    """An instrument in which something can go wrong on purpose.

    Attributes
    ----------
    AILMENTS : tuple of str
        What can: ``"error"``, ``"compliance"``, ``"overload"``.
    """

    AILMENTS: ClassVar[tuple[str, ...]]

    def fail(self, code: int, text: str) -> None:
        """Report an error as if something inside had broken."""

    def ail(self, ailment: str) -> None:
        """Read as in ``"compliance"`` or ``"overload"`` from now on; empty: be well again."""
