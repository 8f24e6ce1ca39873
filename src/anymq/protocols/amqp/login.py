"""Who the client is: the SASL mechanisms that RabbitMQ offers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from anymq.protocols.amqp.errors import ConnectionFault, ReplyCode
from anymq.protocols.amqp.fields import MalformedFields, decode_table
from anymq.protocols.session import Peer, is_loopback
from anymq.security.certificates import certificate_name
from anymq.security.gate import Claim
from anymq.security.users import Users

PLAIN = "PLAIN"
AMQPLAIN = "AMQPLAIN"
EXTERNAL = "EXTERNAL"
ANONYMOUS = "ANONYMOUS"
PROTOCOL = "amqp091"  # as RabbitMQ counts it


class LoginRefused(Exception):
    """Not this user, or not from there. The text is for our log, not for the client."""


@dataclass(frozen=True, slots=True)
class Door:
    """What decides on a login."""

    users: Users
    peer: Peer
    loopback_users: Sequence[str] = ()
    anonymous_user: str = ""
    certificate_name: str = "common_name"  # where in a certificate a user's name is


def read(mechanism: str, response: bytes, door: Door) -> str | Claim:
    """Return the user, or who it claims to be, by a password.

    LoginRefused: no; ConnectionFault: that is not the mechanism's form.
    """
    return _MECHANISMS[mechanism](response, door)


def check_place(user: str, door: Door) -> None:
    """Refuse who may not come from there."""
    if user in door.loopback_users and not is_loopback(door.peer.host):
        raise LoginRefused(f"user '{user}' can only connect via localhost")


def offered(mechanisms: Sequence[str], door: Door) -> list[str]:
    """Return the mechanisms to show: not those that cannot work here."""
    impossible = set()
    if not door.peer.tls:
        impossible.add(EXTERNAL)
    if not door.anonymous_user:
        impossible.add(ANONYMOUS)
    return [each for each in sorted(mechanisms) if each not in impossible and each in _MECHANISMS]


def is_known(mechanism: str) -> bool:
    """Do we know this mechanism, whether offered or not?"""
    return mechanism in _MECHANISMS


def _plain(response: bytes, door: Door) -> Claim:
    """\\0user\\0password: RabbitMQ takes nobody who acts for another."""
    parts = response.split(b"\0")
    if len(parts) != 3 or parts[0]:
        # The text of RabbitMQ repeats the response: a password does not belong into an error.
        raise ConnectionFault(ReplyCode.SYNTAX_ERROR, "response invalid")
    return _claim(parts[1], parts[2], door)


def _amqplain(response: bytes, door: Door) -> Claim:
    """LOGIN and PASSWORD as the fields of a table, without its size."""
    try:
        fields = decode_table(response, 0, len(response))
    except MalformedFields as error:
        raise ConnectionFault(ReplyCode.SYNTAX_ERROR, f"AMQPLAIN auth info: {error}") from error
    name, password = fields.get("LOGIN"), fields.get("PASSWORD")
    if name is None or password is None:
        raise ConnectionFault(
            ReplyCode.SYNTAX_ERROR, "AMQPLAIN auth info is missing LOGIN or PASSWORD field"
        )
    if not (isinstance(name, str | bytes) and isinstance(password, str | bytes)):
        raise ConnectionFault(
            ReplyCode.SYNTAX_ERROR,
            "AMQPLAIN auth info uses unsupported type for LOGIN or PASSWORD field",
        )
    return _claim(_octets(name), _octets(password), door)


def _external(_response: bytes, door: Door) -> str:
    """The name that the client's certificate bears; TLS has checked the certificate."""
    certificate = door.peer.certificate()
    if not certificate:
        raise LoginRefused("connection peer presented no TLS (x.509) certificate")
    name = certificate_name(certificate, door.certificate_name)
    if not name:
        raise LoginRefused("no name found")
    if name not in door.users:
        raise LoginRefused(f"user '{name}' - invalid credentials")
    return name


def _anonymous(_response: bytes, door: Door) -> str:
    if door.anonymous_user not in door.users:
        raise LoginRefused(f"user '{door.anonymous_user}' - invalid credentials")
    return door.anonymous_user


def _octets(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _claim(name: bytes, password: bytes, door: Door) -> Claim:
    try:
        return Claim(name.decode(), password.decode(), door.peer.host, PROTOCOL)
    except UnicodeDecodeError:
        raise LoginRefused("user name or password is not UTF-8") from None


_MECHANISMS: Mapping[str, Callable[[bytes, Door], str | Claim]] = {
    PLAIN: _plain,
    AMQPLAIN: _amqplain,
    EXTERNAL: _external,
    ANONYMOUS: _anonymous,
}
