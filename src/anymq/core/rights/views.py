"""What tools are shown of users and rights."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class User:
    """A user, as tools show it. Nobody logs in with what is here."""

    name: str
    tags: tuple[str, ...]
    given: bool  # by the configuration, not stored
    has_password: bool
    # As RabbitMQ's definitions have it, where it came from such: base64, and the algorithm's name.
    password_hash: str = ""
    hashing_algorithm: str = ""


@dataclass(frozen=True, slots=True)
class Permission:
    """What a user may do in a virtual host."""

    user: str
    vhost: str
    configure: str
    write: str
    read: str


@dataclass(frozen=True, slots=True)
class TopicPermission:
    """The routing keys to which a user is limited at a topic exchange."""

    user: str
    vhost: str
    exchange: str
    write: str
    read: str
