"""B1500A commands of the digital ports, for the selector 16440A on them."""

from labsyn.drivers.simulated.b1500a_selector import N_PORTS, OPEN
from labsyn.drivers.simulated.b1500a_state import Mainframe
from labsyn.drivers.simulated.flex import BAD_PARAMETER, Command, FlexError, choice, integer

_SELECTOR_MODE = 1  # of ERMOD: the ports steer a 16440A


def _set_port_mode(frame: Mainframe, mode: int, option: int | None) -> None:
    """ERMOD: what the digital ports steer; only the 16440A (1) is on them here."""
    for port in range(N_PORTS):
        frame.selector.select(port, OPEN)
    frame.selector.mode = mode


def _query_port_mode(frame: Mainframe) -> str:
    return str(frame.selector.mode)


def _select(frame: Mainframe, port: int, state: int) -> None:
    """ERSSP: open, SMU, pulse generator, or pulse generator with an open relay."""
    if frame.selector.mode != _SELECTOR_MODE:
        raise FlexError(BAD_PARAMETER)
    frame.selector.select(port, state)


def _query_port(frame: Mainframe, port: int) -> str:
    return str(frame.selector.states[port])


_PORT = integer(0, N_PORTS - 1)

COMMANDS = {
    "ERMOD": Command(
        _set_port_mode, (choice(0, 1, 2, 4, 8, 16, 32), choice(0, 1, optional=True))
    ),
    "ERMOD?": Command(_query_port_mode),
    "ERSSP": Command(_select, (_PORT, choice(0, 1, 2, 3))),
    "ERSSP?": Command(_query_port, (_PORT,)),
}
