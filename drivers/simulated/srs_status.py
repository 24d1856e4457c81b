"""Status bytes of the simulated Stanford Research lock-ins (SR830 manual, page 5-20)."""

from typing import TYPE_CHECKING

from labsyn.drivers.simulated.srs import EXECUTION_ERROR, Command, SRSError, integer

if TYPE_CHECKING:
    from labsyn.drivers.simulated.srs_lock_in import SRSLockIn


def _take_bit(value: int, bit: tuple[int, ...]) -> tuple[str, int]:
    """Return the answer to a status query, and what stays of the register."""
    if not bit:
        return str(value), 0
    return str(value >> bit[0] & 1), value & ~(1 << bit[0])


def _query_event(lock_in: "SRSLockIn", *bit: int) -> str:
    answer, lock_in.standard_event = _take_bit(lock_in.standard_event, bit)
    return answer


def _query_lock_in_status(lock_in: "SRSLockIn", *bit: int) -> str:
    answer, lock_in.lock_in_status = _take_bit(lock_in.lock_in_status, bit)
    return answer


def _query_errors(lock_in: "SRSLockIn", *bit: int) -> str:
    answer, lock_in.hardware_errors = _take_bit(lock_in.hardware_errors, bit)
    return answer


def _query_status_byte(lock_in: "SRSLockIn", *bit: int) -> str:
    return _take_bit(lock_in.status_byte(), bit)[0]


def _clear_status(lock_in: "SRSLockIn") -> None:
    lock_in.standard_event = lock_in.lock_in_status = lock_in.hardware_errors = 0


def _enable(name: str) -> dict[str, Command]:
    """Return the commands of an enable register: whole, or one bit of it."""

    def store(lock_in: "SRSLockIn", first: int, *second: int) -> None:
        if not second:
            lock_in.enables[name] = first
            return
        if first > 7 or second[0] > 1:
            raise SRSError(EXECUTION_ERROR)
        others = lock_in.enables[name] & ~(1 << first)
        lock_in.enables[name] = others | second[0] << first

    def recall(lock_in: "SRSLockIn", *bit: int) -> str:
        return _take_bit(lock_in.enables[name], bit)[0]

    byte = integer(0, 255)
    return {
        name: Command(store, (byte, byte), optional=1),
        f"{name}?": Command(recall, (integer(0, 7),), optional=1),
    }


def _identify(lock_in: "SRSLockIn") -> str:
    return lock_in.IDENTITY


def _reset(lock_in: "SRSLockIn") -> None:
    lock_in.reset()


_BIT = (integer(0, 15),)  # the lock-in status of an SR860 has more than eight
STATUS_COMMANDS: dict[str, Command] = {
    "*IDN?": Command(_identify),
    "*CLS": Command(_clear_status),
    "*RST": Command(_reset),
    "*ESR?": Command(_query_event, _BIT, optional=1),
    "*STB?": Command(_query_status_byte, _BIT, optional=1),
    "LIAS?": Command(_query_lock_in_status, _BIT, optional=1),
    "ERRS?": Command(_query_errors, _BIT, optional=1),
    **_enable("*ESE"),
    **_enable("*SRE"),
    **_enable("LIAE"),
    **_enable("ERRE"),
}
"""Commands of identity, reset and status bytes, the same in every model."""
