"""What must agree within a bench file: roles, instruments, terminals, paths, limits."""

from labsyn.data.errors import ConfigError
from labsyn.drivers.bench_model import (
    FIRST_SPGU,
    GROUND,
    LOCK_INS,
    BenchConfig,
    FieldRole,
    SourceRole,
)
from labsyn.drivers.casting import player
from labsyn.drivers.resource_name import canonical
from labsyn.drivers.switch_channels import channel_names

_NO_CURRENT_LIMIT = ("Keysight81160A", "Agilent33500", "Agilent33250A", "Agilent33220A")
_SMUS = ("KeysightB1500A",)
_USERS = {
    "channel": (*_NO_CURRENT_LIMIT, *_SMUS),
    "return_channel": _SMUS,
    "averaging": _SMUS,
    "load": (*_NO_CURRENT_LIMIT, *_SMUS),  # of an SPGU
    "edge": (*_NO_CURRENT_LIMIT, *_SMUS),
    "reference_resistance": LOCK_INS,
    "reference_uncertainty": LOCK_INS,
    "input_across": LOCK_INS,
    "frequency": LOCK_INS,
    "time_constant": LOCK_INS,
}
"""Drivers that a key of a role is meant for."""


def check_file(config: BenchConfig) -> None:
    """Raise ConfigError, or what else fits, for the first thing that does not agree."""
    for name, role in config.roles.played().items():
        _check_instrument(config, f"[roles.{name}]", role.instrument)
        player(name, config.instruments[role.instrument].driver)
        if isinstance(role, SourceRole):
            _check_source(config, name, role)
        if isinstance(role, FieldRole) and role.gaussmeter:
            _check_instrument(config, "[roles.field] gaussmeter", role.gaussmeter)
            if config.instruments[role.gaussmeter].driver != "LakeShore425":
                raise ConfigError(
                    f"[roles.field] gaussmeter is {role.gaussmeter!r}, no LakeShore425"
                )
    _check_terminals(config)
    _check_paths(config)
    for name, role in config.roles.sources().items():
        if role.return_channel is not None:
            _check_return(config, name, role)
    _check_resources(config)
    starts = [start for start, _ in config.links().values()]
    if config.simulation is not None and not config.ground and GROUND not in starts:
        raise ConfigError("ground is empty; a current needs a terminal to return by")
    config.limits_of()
    for terminal in [*_terminals(config), *config.limits.terminals]:
        config.limits_of(terminal)
    for terminal in config.limits.terminals:
        if terminal not in _terminals(config):
            known = ", ".join(sorted(_terminals(config)))
            raise ConfigError(
                f"[limits.terminals.{terminal}]: no output reaches {terminal!r}; "
                f"the bench has {known}"
            )


def _terminals(config: BenchConfig) -> set[str]:
    ends = {end for each in config.instruments.values() for _, end in each.paths.values()}
    roles = {role.terminal for role in config.roles.sources().values()}
    return ends | roles | set(config.wiring.values())


def _check_instrument(config: BenchConfig, where: str, name: str) -> None:
    if name not in config.instruments:
        known = ", ".join(config.instruments)
        raise ConfigError(f"{where} names the instrument {name!r}; the bench has {known}")


def _check_source(config: BenchConfig, name: str, role: SourceRole) -> None:
    driver = config.instruments[role.instrument].driver
    is_smu = driver in _SMUS and role.channel < FIRST_SPGU
    for key in sorted(role.model_fields_set & _USERS.keys()):
        users = _USERS[key]
        if driver not in users or (is_smu and key in ("load", "edge")):
            raise ConfigError(
                f"[roles.{name}] {key} means nothing to {'an SMU of ' * is_smu}a {driver}; it "
                f"is for {', '.join(users)}{' (SPGU)' * (key in ('load', 'edge'))}"
            )
    if role.averaging is not None and name != "reader":
        raise ConfigError(f"[roles.{name}] averaging is {role.averaging}: it is for a reader")
    if driver in _NO_CURRENT_LIMIT and role.load is None:
        raise ConfigError(
            f"[roles.{name}] needs load, the resistance that the {driver} drives, such as "
            '"50 ohm": with a wrong one the device gets up to twice the voltage'
        )
    if driver == "KeysightB1500A" and role.channel >= FIRST_SPGU and role.load is None:
        raise ConfigError(
            f"[roles.{name}] channel {role.channel} is a pulse generator: it needs load, what "
            'it drives, such as "10 kohm"'
        )
    if driver in LOCK_INS and role.reference_resistance is None:
        raise ConfigError(
            f"[roles.{name}] needs reference_resistance, the resistor between the sine of the "
            f'{driver} and the device, such as "1 Mohm"'
        )


def _check_return(config: BenchConfig, name: str, role: SourceRole) -> None:
    where, output = f"[roles.{name}] return_channel", f"{role.instrument}/{role.return_channel}"
    driver = config.instruments[role.instrument].driver
    if name != "reader" or driver != "KeysightB1500A" or role.return_channel == role.channel:
        raise ConfigError(
            f"{where} is {role.return_channel}: it is for a reader, and another SMU of the "
            "same KeysightB1500A"
        )
    paths = [role.path, *(die.paths.get(name, []) for die in config.dies.values())]
    for path in filter(None, paths):
        if all(config.links().get(channel, ("",))[0] != output for channel in path):
            raise ConfigError(f"{where}: no relay of {', '.join(path)} leads to {output}")
    if not any(paths) and output not in config.wiring:
        raise ConfigError(f"{where}: [wiring] does not say where {output} leads")


def _check_terminals(config: BenchConfig) -> None:
    """Refuse two outputs that are wired to one terminal for good, and one on ground."""
    holders: dict[str, str] = {}
    for output, terminal in config.outputs().items():
        if terminal in config.ground:
            raise ConfigError(f"{output} is wired to {terminal!r}, which is ground")
        other = holders.setdefault(terminal, output)
        if other != output:
            raise ConfigError(
                f"{output} is wired to terminal {terminal!r}, where {other} is already; two "
                "outputs on one terminal drive against each other: give each a path of relays"
            )


def _check_resources(config: BenchConfig) -> None:
    places: dict[str, str] = {}
    for name, instrument in config.instruments.items():
        other = places.setdefault(canonical(instrument.resource), name)
        if other != name:
            raise ConfigError(
                f"[instruments.{name}] and [instruments.{other}] have one resource, "
                f"{instrument.resource}"
            )


def _check_paths(config: BenchConfig) -> None:
    """Refuse paths without a switch, over forbidden relays, or that connect nothing."""
    paths = [(f"[roles.{k}] path", k, role.path) for k, role in config.roles.sources().items()]
    for die, each in config.dies.items():
        for role, path in each.paths.items():
            if role not in config.roles.sources():
                known = ", ".join(config.roles.sources())
                raise ConfigError(
                    f"[dies.{die}] paths names the role {role!r}, there are {known}"
                )
            paths.append((f"[dies.{die}] paths.{role}", role, path))
    for where, role, path in paths:
        if path:
            _check_path(config, where, role, path)


def _check_path(config: BenchConfig, where: str, role: str, path: list[str]) -> None:
    if config.roles.switch is None:
        raise ConfigError(f"{where} needs a switch: add [roles.switch]")
    name = config.roles.switch.instrument
    switch = config.instruments[name]
    channel_names(path)
    for channel in path:
        if channel in switch.forbidden:
            raise ConfigError(f"{where} closes channel {channel}, which is forbidden")
        if channel not in switch.paths:
            raise ConfigError(
                f"{where} closes channel {channel}, of which [instruments.{name}.paths] does "
                "not say what it connects"
            )
    for group in switch.never_together:
        both = [channel for channel in path if channel in group]
        if len(both) > 1:
            raise ConfigError(
                f"{where} closes {' and '.join(both)}, which may never be closed together"
            )
    if not config.reached(role, path):
        part = config.roles.sources()[role]
        raise ConfigError(
            f"{where} connects nothing: none of {', '.join(path)} leads from "
            f"{part.instrument}/{config.output_name(part)} to a terminal"
        )
    _check_ends(config, where, path)


def _check_ends(config: BenchConfig, where: str, path: list[str]) -> None:
    """Refuse a path that brings two outputs, or an output and ground, to one terminal."""
    holders = {terminal: output for output, terminal in config.outputs().items()}
    holders |= dict.fromkeys(config.ground, GROUND)
    for channel in path:
        output, terminal = config.links()[channel]
        other = holders.setdefault(terminal, output)
        if other != output:
            raise ConfigError(
                f"{where} brings {output} to terminal {terminal!r}, where {other} is already"
            )
