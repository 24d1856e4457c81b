"""Starting a measurement of a simulated B1500A: MM, TM, XE and external triggers.

A measurement takes its time on the virtual clock while it is started: when the message
has been written, the data are there and ``*OPC?`` answers at once.
"""

from collections.abc import Callable

from labsyn.drivers.simulated.b1500a_cmu import Cmu
from labsyn.drivers.simulated.b1500a_cv import bias_sweep, spot
from labsyn.drivers.simulated.b1500a_pulse import pulsed_spot, pulsed_sweep
from labsyn.drivers.simulated.b1500a_quasi import quasi_pulsed_spot, quasi_static
from labsyn.drivers.simulated.b1500a_reading import measure
from labsyn.drivers.simulated.b1500a_sampling import sample
from labsyn.drivers.simulated.b1500a_smu import Smu
from labsyn.drivers.simulated.b1500a_state import Mainframe
from labsyn.drivers.simulated.b1500a_sweep import multi_channel, pulsed_bias, staircase
from labsyn.drivers.simulated.flex import (
    BAD_PARAMETER,
    CHANNELS,
    WRONG_CHANNEL_COUNT,
    Command,
    FlexError,
    choice,
)
from labsyn.drivers.simulated.flex_data import Item

_SMU_MODES: dict[int, Callable[[Mainframe, list[Smu]], list[Item]]] = {
    1: measure,
    2: staircase,
    3: pulsed_spot,
    4: pulsed_sweep,
    5: pulsed_bias,
    9: quasi_pulsed_spot,
    10: sample,
    13: quasi_static,
    16: multi_channel,
}
_CMU_MODES: dict[int, Callable[[Mainframe, Cmu], list[Item]]] = {17: spot, 18: bias_sweep}
_ONE_CHANNEL = (3, 4, 5, 9, 13, 17, 18)
_MOST_CHANNELS = 10

XE, GET, EXTERNAL, MM = "XE", "GET", "external", "MM"
STARTED_BY = {1: (XE, GET), 2: (XE,), 3: (EXTERNAL,), 4: (XE, MM)}
"""What starts a measurement in each trigger mode of TM (unverified beyond mode 1)."""


def start(frame: Mainframe, event: str) -> None:
    """Run the measurement of MM if `event` starts one in this trigger mode.

    Raises
    ------
    FlexError
        120 if nothing is set up, 200 if a channel is off.
    """
    settings = frame.settings
    if event not in STARTED_BY[settings.trigger_mode]:
        return
    if not settings.measurement:
        raise FlexError(BAD_PARAMETER)
    mode, *channels = settings.measurement
    if mode in _CMU_MODES:
        frame.send(_CMU_MODES[mode](frame, frame.active_cmu(channels[0])))
    else:
        smus = [frame.active_smu(channel) for channel in channels]
        frame.send(_SMU_MODES[mode](frame, smus))


def _execute(frame: Mainframe) -> None:
    """XE: start the measurement; without effect where TM waits for another event."""
    start(frame, XE)


def _set_mode(frame: Mainframe, mode: int, *channels: int) -> None:
    """MM: what will be measured, and the channels in the order of their data."""
    for channel in channels:
        if mode in _CMU_MODES:
            frame.cmu(channel)
        else:
            frame.smu(channel)
    wrong = not 1 <= len(channels) <= _MOST_CHANNELS or len(set(channels)) < len(channels)
    if wrong or (mode in _ONE_CHANNEL and len(channels) != 1):
        raise FlexError(WRONG_CHANNEL_COUNT)
    frame.settings.measurement = (mode, *channels)
    if MM in STARTED_BY[frame.settings.trigger_mode]:
        start(frame, MM)


def _set_trigger_mode(frame: Mainframe, mode: int) -> None:
    frame.settings.trigger_mode = mode


COMMANDS = {
    "MM": Command(_set_mode, (choice(*_SMU_MODES, *_CMU_MODES), CHANNELS)),
    "TM": Command(_set_trigger_mode, (choice(*STARTED_BY),)),
    "XE": Command(_execute),
}
