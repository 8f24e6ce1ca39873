"""What a topic may be called."""

import re
from collections.abc import Iterable

from anymq.core.streams.errors import InvalidName

NAME_LENGTH_MAX = 249  # Kafka's: a directory "<name>-<partition>" had to fit into 255 bytes
_LEGAL = re.compile(r"[a-zA-Z0-9._-]+")
_ANY = re.compile(r"[a-zA-Z0-9._%|-]+")  # RocketMQ's, too

# Kafka keeps its own state in these; ours lives in logs without names, and a client that finds a
# topic of this name would believe it to be Kafka's.
INTERNAL = frozenset(
    {"__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata"}
)


def check_name(name: str, legal: re.Pattern[str] = _LEGAL) -> None:
    """Refuse a name no Kafka client could use."""
    if not name:
        raise InvalidName("Topic name is invalid: the empty string is not allowed")
    if name in {".", ".."}:
        raise InvalidName(f"Topic name is invalid: '{name}' is not allowed")
    if len(name) > NAME_LENGTH_MAX:
        raise InvalidName(
            f"Topic name is invalid: the length of '{name[:64]}…' is longer than the max allowed "
            f"length {NAME_LENGTH_MAX}"
        )
    if legal.fullmatch(name) is None:
        raise InvalidName(
            f"Topic name is invalid: '{name}' contains one or more characters other than "
            "ASCII alphanumerics, '.', '_' and '-'"
        )
    if name in INTERNAL:
        raise InvalidName(f"Topic name is invalid: '{name}' is reserved")


def check_any_name(name: str) -> None:
    """Refuse a name that no protocol's clients could use: some have `%RETRY%group`, or `a|b`."""
    check_name(name, _ANY)


class Collisions:
    """Names that would be one and the same where '.' reads as '_' (metrics): one is refused."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._taken: dict[str, set[str]] = {}
        for name in names:
            self.add(name)

    def check(self, name: str) -> None:
        """Refuse a name that collides with another one."""
        others = self._taken.get(_unified(name), set()) - {name}
        if others:
            raise InvalidName(f"Topic '{name}' collides with existing topic: {min(others)}")

    def add(self, name: str) -> None:
        """Take a name."""
        if _may_collide(name):
            self._taken.setdefault(_unified(name), set()).add(name)

    def discard(self, name: str) -> None:
        """Give a name back; harmless when it was not taken."""
        names = self._taken.get(_unified(name))
        if names is not None:
            names.discard(name)
            if not names:
                del self._taken[_unified(name)]


def _may_collide(name: str) -> bool:
    return "." in name or "_" in name


def _unified(name: str) -> str:
    return name.replace(".", "_")
