"""Results of B1500A measurements as arrays, with a flag for each point."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labsyn.data.errors import InstrumentDataError
from labsyn.drivers.flex_data import Datum

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class SweepData:
    """A sweep or a sampling of one channel.

    Attributes
    ----------
    voltage : ndarray, shape (n_points,)
        Forced, in volt.
    current : ndarray, shape (n_points,)
        In ampere; NaN where the instrument had no value.
    time : ndarray, shape (n_points,)
        When each measurement began, in seconds since the trigger.
    flags : ndarray of int, shape (n_points,)
        Bits of `labsyn.data.flags.Flag`.
    """

    voltage: FloatArray
    current: FloatArray
    time: FloatArray
    flags: IntArray


def sweep_data(
    data: Sequence[Datum], channel: int, voltage: Sequence[float] | None = None
) -> SweepData:
    """Return the points of `data`: time, current, and source voltage if none is given.

    Raises
    ------
    InstrumentDataError
        If an item is of another channel or kind, or points are missing.
    """
    kinds = "TI" if voltage is not None else "TIV"
    found = "".join(datum.kind for datum in data)
    n_points, rest = divmod(len(data), len(kinds))
    if rest or not n_points or found != kinds * n_points:
        raise InstrumentDataError(
            f"expected {kinds} of channel {channel} at each point, got {found[:40]!r}"
        )
    wrong = {datum.channel for datum in data} - {channel}
    if wrong:
        raise InstrumentDataError(f"expected data of channel {channel}, got {sorted(wrong)}")
    if voltage is not None and len(voltage) != n_points:
        raise InstrumentDataError(f"expected {len(voltage)} points, got {n_points}")
    columns = [data[k :: len(kinds)] for k in range(len(kinds))]
    flags = [int(datum.flags) for datum in columns[1]]
    forced = [datum.value for datum in columns[2]] if voltage is None else voltage
    return SweepData(
        voltage=np.asarray(forced, dtype=float),
        current=np.array([datum.value for datum in columns[1]]),
        time=np.array([datum.value for datum in columns[0]]),
        flags=np.array(flags, dtype=np.int64),
    )
