"""Which driver can play which role, and the adapter that lets it."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from labsyn.data.errors import RoleError
from labsyn.drivers.clock import Clock

_SMU = "labsyn.drivers.smu_roles"
_GENERATOR = "labsyn.drivers.generator_role:GeneratorPulseSource"
_LOCK_IN = "labsyn.drivers.lock_in_role:LockInReader"

PLAYERS: dict[str, dict[str, str]] = {
    "pulse_source": {
        "KeysightB1500A": f"{_SMU}:pulse_source",
        "Keysight81160A": _GENERATOR,
        "Agilent33500": _GENERATOR,
        "Agilent33250A": _GENERATOR,
        "Agilent33220A": _GENERATOR,
    },
    "reader": {
        "KeysightB1500A": f"{_SMU}:SMUReader",
        "SR830": _LOCK_IN,
        "SR860": _LOCK_IN,
    },
    "sweeper": {"KeysightB1500A": f"{_SMU}:SMUSweeper"},
    "field": {"KepcoBOP": "labsyn.drivers.field_role:CoilField"},
    "switch": {"Keithley3706A": "labsyn.drivers.switch_role:RelaySwitch"},
}
"""Adapter (module and name) by role and driver."""


def check_roles(wanted: Any, played: Mapping[str, Any]) -> None:
    """Raise RoleError for the first role that is not played, with who could play it."""
    for role in wanted:
        if role not in PLAYERS:
            raise RoleError(f"no bench has a role {role!r}; known are {', '.join(PLAYERS)}")
        if role not in played:
            raise RoleError(
                f"the bench has no {role}: add [roles.{role}] to the bench file; "
                f"drivers that can play it: {', '.join(PLAYERS[role])}"
            )


def cast(
    role: str, driver: str, part: Any, instruments: Mapping[str, Any], clock: Clock
) -> Any:
    """Return the adapter with which an instrument of `driver` plays `role`.

    Parameters
    ----------
    part : SourceRole, FieldRole or SwitchRole
        What the bench file says of the role.
    instruments : mapping of str to object
        Open drivers by name.

    Raises
    ------
    RoleError
        If that driver cannot play it.
    """
    module, _, name = player(role, driver).partition(":")
    return getattr(import_module(module), name)(part, instruments, clock)


def player(role: str, driver: str) -> str:
    """Return where the adapter is; raise RoleError if `driver` cannot play `role`."""
    if driver not in PLAYERS[role]:
        raise RoleError(
            f"a {driver} cannot play {role}; drivers that can: {', '.join(PLAYERS[role])}"
        )
    return PLAYERS[role][driver]
