"""URIs of the ends of shovels: where, as whom, how. Their passwords are never shown."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

AMQP_PORTS = {"amqp": 5672, "amqps": 5671}
KAFKA_PORTS = {"kafka": 9092, "kafkas": 9093}
MQTT_PORTS = {"mqtt": 1883, "mqtts": 8883}
MQTT_VERSIONS = {"3.1": 3, "3.1.1": 4, "5": 5}
HEARTBEAT_SECONDS = 60
HEARTBEAT_SECONDS_MAX = 0xFFFF
SERVERS_MAX = 16  # in one URI of Kafka
URIS_MAX = 16  # of one end
URI_CHARS_MAX = 2000
# To the last @: of a password with a slash in it, nothing is shown either.
USER_INFO = re.compile(r"(?<=://)[^?#]*@")
SECRET_OPTIONS = re.compile(r"((?:^|[?&])[^=&]*(?:password|secret)[^=&]*=)[^&#]*", re.IGNORECASE)


class WrongUri(ValueError):
    """It cannot be one. The text never has the URI in it: there may be a password."""


@dataclass(frozen=True, slots=True)
class Tls:
    """How to be sure of the other side, and to prove who we are."""

    ca: str = ""  # a file; empty: what this machine trusts
    certificate: str = ""
    key: str = ""
    verify: bool = True
    server_name: str = ""  # empty: the host


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect to."""

    host: str
    port: int
    tls: Tls | None = None


@dataclass(frozen=True, slots=True)
class AmqpUri:
    """A broker of AMQP 0-9-1. `address` None: this one, without a connection."""

    address: Address | None
    vhost: str
    user: str = "guest"
    password: str = field(default="guest", repr=False)
    external: bool = False  # the certificate says who we are
    heartbeat: int = HEARTBEAT_SECONDS
    shown: str = ""  # without the password


@dataclass(frozen=True, slots=True)
class KafkaUri:
    """A cluster of Kafka: brokers to ask first."""

    addresses: tuple[Address, ...]
    user: str = ""
    password: str = field(default="", repr=False)
    shown: str = ""


@dataclass(frozen=True, slots=True)
class MqttUri:
    """A broker of MQTT."""

    address: Address
    user: str = ""
    password: str = field(default="", repr=False)
    version: int = MQTT_VERSIONS["5"]
    keep_alive: int = HEARTBEAT_SECONDS
    shown: str = ""


def redacted(uri: str) -> str:
    """Return a URI without who we are there, whether it is a good one or not."""
    return SECRET_OPTIONS.sub(r"\1...", USER_INFO.sub("", uri))


def redacted_value(value: Any) -> Any:
    """Return what was set, without the secrets in it."""
    if not isinstance(value, Mapping):
        return value
    return {key: _redacted(each) if key.endswith("-uri") else each for key, each in value.items()}


def _redacted(uris: Any) -> Any:
    if isinstance(uris, list):
        return [_redacted(one) for one in uris]
    return redacted(uris) if isinstance(uris, str) else None


def amqp_uri(uri: str) -> AmqpUri:
    """Read `amqp[s]://user:password@host:port/vhost?options`; WrongUri."""
    scheme, user, password, authority, path, options = _parts(uri)
    if scheme not in AMQP_PORTS:
        raise WrongUri("the scheme must be amqp or amqps")
    vhost = unquote(path[1:]) or "/"
    shown = redacted(uri)
    if not authority:
        if user:
            raise WrongUri("a URI without a host has no user: it is whoever sets the shovel")
        return AmqpUri(None, vhost, "", "", shown=shown)
    tls = _tls(options) if scheme == "amqps" else None
    return AmqpUri(
        address=_address(authority, AMQP_PORTS[scheme], tls),
        vhost=vhost,
        user="guest" if user is None else user,
        password="guest" if password is None else password,
        external=options.get("auth_mechanism", "plain").lower() == "external",
        heartbeat=_seconds(options.get("heartbeat", str(HEARTBEAT_SECONDS))),
        shown=shown,
    )


def kafka_uri(uri: str) -> KafkaUri:
    """Read `kafka[s]://user:password@host:port,host:port?options`; WrongUri."""
    scheme, user, password, authority, path, options = _parts(uri)
    if scheme not in KAFKA_PORTS:
        raise WrongUri("the scheme must be kafka or kafkas")
    servers = authority.split(",")
    if not authority or len(servers) > SERVERS_MAX:
        raise WrongUri(f"there must be from 1 to {SERVERS_MAX} servers")
    if path.strip("/"):
        raise WrongUri("a URI of Kafka has no path")
    tls = _tls(options) if scheme == "kafkas" else None
    return KafkaUri(
        addresses=tuple(_address(one, KAFKA_PORTS[scheme], tls) for one in servers),
        user=user or "",
        password=password or "",
        shown=redacted(uri),
    )


def mqtt_uri(uri: str) -> MqttUri:
    """Read `mqtt[s]://user:password@host:port?options`; WrongUri."""
    scheme, user, password, authority, path, options = _parts(uri)
    if scheme not in MQTT_PORTS:
        raise WrongUri("the scheme must be mqtt or mqtts")
    if path.strip("/"):
        raise WrongUri("a URI of MQTT has no path")
    version = options.get("version", "5")
    if version not in MQTT_VERSIONS:
        raise WrongUri(f"version must be one of {', '.join(MQTT_VERSIONS)}")
    tls = _tls(options) if scheme == "mqtts" else None
    return MqttUri(
        address=_address(authority, MQTT_PORTS[scheme], tls),
        user=user or "",
        password=password or "",
        version=MQTT_VERSIONS[version],
        keep_alive=_seconds(options.get("heartbeat", str(HEARTBEAT_SECONDS))),
        shown=redacted(uri),
    )


def _parts(uri: str) -> tuple[str, str | None, str | None, str, str, dict[str, str]]:
    if len(uri) > URI_CHARS_MAX:
        raise WrongUri(f"a URI has at most {URI_CHARS_MAX} characters")
    try:
        parts = urlsplit(uri)
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    except ValueError:
        raise WrongUri("it cannot be read") from None
    info, at, authority = parts.netloc.rpartition("@")
    name, colon, secret = info.partition(":")
    user = unquote(name) if at else None
    password = unquote(secret) if colon else None
    return parts.scheme, user, password, authority, parts.path, options


def _address(authority: str, port: int, tls: Tls | None) -> Address:
    try:
        parts = urlsplit(f"//{authority}")
        host, said = parts.hostname, parts.port
    except ValueError:
        raise WrongUri("the port is none") from None
    if not host or said == 0:
        raise WrongUri("there is no host, or no port")
    return Address(host, said or port, tls)


def _tls(options: Mapping[str, str]) -> Tls:
    verify = options.get("verify", "verify_peer")
    if verify not in ("verify_peer", "verify_none"):
        raise WrongUri("verify must be verify_peer or verify_none")
    return Tls(
        ca=options.get("cacertfile", ""),
        certificate=options.get("certfile", ""),
        key=options.get("keyfile", ""),
        verify=verify == "verify_peer",
        server_name=options.get("server_name_indication", ""),
    )


def _seconds(text: str) -> int:
    if not text.isdecimal() or int(text) > HEARTBEAT_SECONDS_MAX:
        raise WrongUri(f"heartbeat must be a number up to {HEARTBEAT_SECONDS_MAX}")
    return int(text)
