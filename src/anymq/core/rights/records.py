"""Users and their rights as they are kept among the definitions. On disk: see catalog.py.

`users/<name>`, `permissions/<vhost>/<user>`, `topic-permissions/<vhost>/<user>/<exchange>`,
`user-limits/<name>`, `acls/<kind>/<literal|prefixed>/<name>/<user>/<host>/<operation>/<effect>`,
each name percent-quoted.
"""

from urllib.parse import quote, unquote

import msgspec

USERS = "users"
PERMISSIONS = "permissions"
TOPIC_PERMISSIONS = "topic-permissions"
USER_LIMITS = "user-limits"
ACLS = "acls"


class UserRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A user."""

    proofs: tuple[str, ...] = ()  # verifiers of the password, see security/passwords.py
    tags: tuple[str, ...] = ()
    given: bool = False  # the configuration proves it, and it exists only as long as it does
    deleted: bool = False  # one that there would be by default


class PermissionRecord(msgspec.Struct, frozen=True):
    """What a user may do in a virtual host: patterns of names."""

    configure: str
    write: str
    read: str


class TopicPermissionRecord(msgspec.Struct, frozen=True):
    """By which routing keys a user may publish to a topic exchange, and bind to it: patterns."""

    write: str
    read: str


def user_key(name: str) -> str:
    """Return the key of a user."""
    return f"{USERS}/{_quoted(name)}"


def user_limits_key(name: str) -> str:
    """Return the key of a user's limits."""
    return f"{USER_LIMITS}/{_quoted(name)}"


def permission_key(vhost: str, user: str) -> str:
    """Return the key of what a user may do in a virtual host."""
    return f"{PERMISSIONS}/{_quoted(vhost)}/{_quoted(user)}"


def topic_permission_key(vhost: str, user: str, exchange: str) -> str:
    """Return the key of the routing keys that a user may use at an exchange."""
    return f"{TOPIC_PERMISSIONS}/{_quoted(vhost)}/{_quoted(user)}/{_quoted(exchange)}"


def key_of(kind: str, name: str) -> str:
    """Return the key of what there is one of by that name."""
    return f"{kind}/{_quoted(name)}"


def acl_key(*parts: str) -> str:
    """Return the key of a rule: all that it says."""
    return "/".join((ACLS, *map(_quoted, parts)))


def prefixes_of_vhost(vhost: str) -> tuple[str, str]:
    """Return how the keys of all rights in a virtual host begin."""
    quoted = _quoted(vhost)
    return f"{PERMISSIONS}/{quoted}/", f"{TOPIC_PERMISSIONS}/{quoted}/"


def names_in(key: str) -> list[str]:
    """Return the names in a key, without its kind."""
    return [unquote(part) for part in key.split("/")[1:]]


def _quoted(name: str) -> str:
    return quote(name, safe="")
