"""What must agree within a bench file: roles, instruments, terminals, paths, limits."""

from labsyn.data.errors import ConfigError
from labsyn.drivers.bench_model import BenchConfig, FieldRole, SourceRole
from labsyn.drivers.casting import player
from labsyn.drivers.resource_name import canonical
from labsyn.drivers.switch_channels import channel_names

_NO_CURRENT_LIMIT = ("Keysight81160A", "Agilent33500", "Agilent33250A", "Agilent33220A")
_LOCK_INS = ("SR830", "SR860")


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
    _check_resources(config)
    if config.simulation is not None and not config.ground:
        raise ConfigError("ground is empty; a current needs a terminal to return by")
    for terminal in ["", *_terminals(config), *config.limits.terminals]:
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
    if driver in _NO_CURRENT_LIMIT and role.load is None:
        raise ConfigError(
            f"[roles.{name}] needs load, the resistance that the {driver} drives, such as "
            '"50 ohm": with a wrong one the device gets up to twice the voltage'
        )
    if driver in _LOCK_INS and role.reference_resistance is None:
        raise ConfigError(
            f"[roles.{name}] needs reference_resistance, the resistor between the sine of the "
            f'{driver} and the device, such as "1 Mohm"'
        )


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
    """Refuse paths without a switch, over forbidden relays, or of no relay at all."""
    paths = {f"[roles.{k}] path": role.path for k, role in config.roles.sources().items()}
    for die, each in config.dies.items():
        for role, path in each.paths.items():
            if role not in config.roles.sources():
                known = ", ".join(config.roles.sources())
                raise ConfigError(
                    f"[dies.{die}] paths names the role {role!r}, there are {known}"
                )
            paths[f"[dies.{die}] paths.{role}"] = path
    if not any(paths.values()):
        return
    if config.roles.switch is None:
        where = next(key for key, path in paths.items() if path)
        raise ConfigError(f"{where} needs a switch: add [roles.switch]")
    switch = config.instruments[config.roles.switch.instrument]
    for where, path in paths.items():
        channel_names(path)
        for channel in path:
            if channel in switch.forbidden:
                raise ConfigError(f"{where} closes channel {channel}, which is forbidden")
        for group in switch.never_together:
            both = [channel for channel in path if channel in group]
            if len(both) > 1:
                raise ConfigError(
                    f"{where} closes {' and '.join(both)}, which may never be closed together"
                )
