"""Where settings come from: a TOML file, over it the environment, over it the flags."""

import difflib
import ipaddress
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from anymq.config.declare import ENVIRONMENT_PREFIX, Declared
from anymq.config.model import SECTIONS, Settings, Users, declared
from anymq.config.place import OFF
from anymq.config.principals import parse_rule

PASSWORDS_KEPT_AS = ("argon2id", "SCRAM-SHA-256", "SCRAM-SHA-512", "rabbitmq")
CONFIG_VARIABLE = "ANYMQ_CONFIG"

# What Kubernetes puts into each container for a service named "anymq-kafka": none of it is meant
# as a setting of ours.
_SERVICE_LINK = re.compile(r"\w+_SERVICE_(HOST|PORT\w*)=.*|\w+_PORT_\d+_\w+=.*|\w+=(tcp|udp)://.*")

Values = dict[str, object]  # by the key of the setting


class ConfigError(Exception):
    """A setting is wrong; the message says which, where, and what would be right."""


def load(
    path: Path | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
    flags: Mapping[str, str] = MappingProxyType({}),
) -> Settings:
    """Put the settings together. `flags` go by the key of the setting: {"kafka.port": "9093"}."""
    if path is None and (named := environment.get(CONFIG_VARIABLE)):
        path = Path(named)
    tables = _read(path) if path else {}
    users = _parse_users(tables.pop("users", {}))
    values = _from_tables(tables, str(path))
    values |= _from_rabbitmqs_environment(environment)
    values |= _from_environment(environment)
    values |= _from_flags(flags)
    values["server.data_dir"] = values.get("server.data_dir") or _default_data_dir(environment)
    return _build(values, users)


def from_tables(tables: Mapping[str, object]) -> Settings:
    """Make settings of what a TOML file would hold; nothing else is looked at."""
    rest = dict(tables)
    users = _parse_users(rest.pop("users", {}))
    return _build(_from_tables(rest, "these settings"), users)


CLOSED_BY = {
    "kafka.host": "Set kafka.require_login (or tls.client_ca), kafka.tls_port and kafka.port = -1",
    "amqp.host": "Set amqp.tls_port and amqp.port = -1",
    "mqtt.host": "Set mqtt.tls_port, mqtt.port = -1 and mqtt.websocket_port = -1",
    "stomp.host": "Set stomp.tls_port, and stomp.port, stomp.activemq_port and"
    " stomp.websocket_port = -1",
    "rocketmq.host": "Set rocketmq.tls_port, rocketmq.nameserver_tls_port, and rocketmq.port,"
    " rocketmq.nameserver_port and rocketmq.grpc_port = -1",
    "management.host": "Set management.tls_port and management.port = -1",
}


def open_to_others(settings: Settings) -> list[str]:
    """Return the addresses at which other machines get in without a password, or in clear text."""
    kafka, amqp, management = settings.kafka, settings.amqp, settings.management
    tls = settings.tls
    shown = bool(tls.client_ca) and tls.client_certificate == "required"
    known = kafka.require_login or shown
    guarded = known and kafka.port == OFF
    doors = [("kafka.host", kafka.host, not guarded)]
    doors += [("amqp.host", amqp.host, amqp.port != OFF)]
    mqtt, stomp = settings.mqtt, settings.stomp
    doors += [("mqtt.host", mqtt.host, max(mqtt.port, mqtt.websocket_port) != OFF)]
    stomp_port = max(stomp.port, stomp.websocket_port, stomp.activemq_port)
    doors += [("stomp.host", stomp.host, stomp_port != OFF)]
    rocketmq = settings.rocketmq
    rocketmq_port = max(rocketmq.port, rocketmq.nameserver_port, rocketmq.grpc_port)
    doors += [("rocketmq.host", rocketmq.host, rocketmq_port != OFF)]
    doors += [("management.host", management.host, management.port != OFF)]
    return [name for name, host, is_open in doors if is_open and not is_loopback(host)]


def data_dir_of(settings: Settings) -> Path:
    """Return where the data is, also for settings that `load` has not completed."""
    return Path(settings.server.data_dir or _default_data_dir(os.environ))


def _default_data_dir(environment: Mapping[str, str]) -> str:
    base = environment.get("XDG_DATA_HOME") or str(Path.home() / ".local/share")
    return str(Path(base) / "anymq")


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from error


def _from_tables(tables: Mapping[str, object], origin: str) -> Values:
    values: Values = {}
    for section, table in tables.items():
        if section not in SECTIONS:
            hint = _did_you_mean(section, [*SECTIONS, "users"])
            raise ConfigError(f"{origin}: there is no section [{section}]{hint}")
        if not isinstance(table, dict):
            raise ConfigError(f"{origin}: {section} should be a section, [{section}]")
        for name, raw in table.items():
            each = _find(f"{section}.{name}", origin)
            values[each.key] = _parse(each, raw, f"{origin}: {each.key}")
    return values


def _from_environment(environment: Mapping[str, str]) -> Values:
    by_variable = {each.variable: each for each in declared()}
    values: Values = {}
    for variable in _meant_for_us(environment):
        each = by_variable.get(variable)
        if each is None:
            hint = _did_you_mean(variable, by_variable)
            raise ConfigError(f"environment: there is no setting {variable}{hint}")
        values[each.key] = _parse(each, environment[variable], f"environment: {variable}")
    return values


# What RabbitMQ's image is told by; ours come before them.
RABBITMQ_VARIABLES = {
    "RABBITMQ_DEFAULT_USER": "amqp.default_user",
    "RABBITMQ_DEFAULT_PASS": "amqp.default_password",
    "RABBITMQ_DEFAULT_VHOST": "amqp.default_vhost",
}


def _from_rabbitmqs_environment(environment: Mapping[str, str]) -> Values:
    return {
        key: environment[variable]
        for variable, key in RABBITMQ_VARIABLES.items()
        if variable in environment
    }


def _meant_for_us(environment: Mapping[str, str]) -> Iterable[str]:
    """Yield the variables of our sections; others of our prefix belong to tools and tests."""
    prefixes = tuple(f"{ENVIRONMENT_PREFIX}{section.upper()}_" for section in SECTIONS)
    for variable, value in environment.items():
        if variable.startswith(prefixes) and not _SERVICE_LINK.fullmatch(f"{variable}={value}"):
            yield variable


def _from_flags(flags: Mapping[str, str]) -> Values:
    values: Values = {}
    for key, raw in flags.items():
        each = _find(key, "flags")
        values[each.key] = _parse(each, raw, each.flag)
    return values


def _find(key: str, origin: str) -> Declared:
    by_key = {each.key: each for each in declared()}
    if key not in by_key:
        raise ConfigError(f"{origin}: there is no setting {key}{_did_you_mean(key, by_key)}")
    return by_key[key]


def _parse(each: Declared, raw: object, origin: str) -> object:
    try:
        return each.parse(raw)
    except ValueError as error:
        raise ConfigError(f"{origin}: {error}") from error


def _parse_users(table: object) -> Users:
    if not isinstance(table, dict):
        raise ConfigError("users should be a section: [users]")
    return MappingProxyType({name: _parse_user(name, secret) for name, secret in table.items()})


def _parse_user(name: str, secret: object) -> tuple[str, ...]:
    secrets = secret if isinstance(secret, list) else [secret]
    if not secrets or not all(isinstance(each, str) and each for each in secrets):
        # The value stays out of the message: it may be a password.
        raise ConfigError(f"users.{name}: should be a password, or a list of SCRAM verifiers")
    return tuple(secrets)


def _build(values: Values, users: Users) -> Settings:
    of_section: dict[str, Values] = {section: {} for section in SECTIONS}
    for key, value in values.items():
        section, name = key.split(".")
        of_section[section][name] = value
    sections = {section: cls(**of_section[section]) for section, cls in SECTIONS.items()}
    settings = Settings(users=users, **sections)
    _check(settings)
    return settings


def _tls_ports(settings: Settings) -> list[str]:
    """Return the settings of ports with TLS that are not off."""
    ports = {
        "kafka.tls_port": settings.kafka.tls_port,
        "amqp.tls_port": settings.amqp.tls_port,
        "mqtt.tls_port": settings.mqtt.tls_port,
        "mqtt.websocket_tls_port": settings.mqtt.websocket_tls_port,
        "stomp.tls_port": settings.stomp.tls_port,
        "stomp.activemq_tls_port": settings.stomp.activemq_tls_port,
        "stomp.websocket_tls_port": settings.stomp.websocket_tls_port,
        "rocketmq.tls_port": settings.rocketmq.tls_port,
        "rocketmq.nameserver_tls_port": settings.rocketmq.nameserver_tls_port,
        "rocketmq.grpc_tls_port": settings.rocketmq.grpc_tls_port,
        "management.tls_port": settings.management.tls_port,
    }
    return [name for name, port in ports.items() if port != OFF]


def _check(settings: Settings) -> None:
    """Refuse what makes no sense together."""
    tls, groups = settings.tls, settings.groups
    if not tls.certificate and (wanting := _tls_ports(settings)):
        raise ConfigError(f"{wanting[0]} needs tls.certificate: the file with the certificate")
    if bool(settings.amqp.default_user) != bool(settings.amqp.default_password):
        raise ConfigError("amqp.default_user and amqp.default_password need each other")
    _check_security(settings)
    if groups.session_ms_min > groups.session_ms_max:
        raise ConfigError("groups.session_ms_min is above groups.session_ms_max")
    if open_to_others(settings) and not settings.server.allow_open:
        doors = open_to_others(settings)
        ways = "; ".join(how for door, how in CLOSED_BY.items() if door in doors)
        raise ConfigError(
            f"{', '.join(doors)}: others than this machine could connect without a password or in"
            f" clear text. {ways}; or server.allow_open = true if the network is yours alone"
        )


def _check_security(settings: Settings) -> None:
    oauth = settings.oauth
    if oauth.keys and not (oauth.issuer and oauth.audience):
        raise ConfigError(
            "oauth.keys needs oauth.issuer and oauth.audience: whose tokens, for whom"
        )
    if weak := [one for one in oauth.algorithms if one.startswith("HS") or one == "none"]:
        raise ConfigError(f"oauth.algorithms: {', '.join(weak)} proves nothing here")
    for rule in settings.kafka.principal_mapping:
        try:
            parse_rule(rule)
        except ValueError as error:
            raise ConfigError(f"kafka.principal_mapping: {error}") from None
    try:
        levels = settings.rocketmq.delay_levels_ms
    except ValueError as error:
        raise ConfigError(f"rocketmq.delay_levels: {error}") from None
    if not levels:
        raise ConfigError("rocketmq.delay_levels: there must be one")
    if wrong := set(settings.security.passwords_kept_as) - set(PASSWORDS_KEPT_AS):
        raise ConfigError(
            f"security.passwords_kept_as: {', '.join(sorted(wrong))} is not one of"
            f" {', '.join(PASSWORDS_KEPT_AS)}"
        )
    if not settings.security.passwords_kept_as:
        raise ConfigError("security.passwords_kept_as: then nobody could log in")


def is_loopback(host: str) -> bool:
    """Is this address reached from this machine only?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"  # any other name may be of any address


def _did_you_mean(wrong: str, right: Iterable[str]) -> str:
    close = difflib.get_close_matches(wrong, list(right), n=1)
    return f". Did you mean {close[0]}?" if close else ""
