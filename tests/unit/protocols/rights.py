"""Users of every combination of rights, and what an operation needs: for the matrices of protocols.

A user may do something to all things, to those of one kind (queues, exchanges), or to none. So it
is seen which right an operation asks for, and on what.
"""

import re
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from tests.unit.protocols.amqp.rights_matrix import password_hash
from typing_extensions import override

from anymq.core.broker import Broker
from anymq.security.attempts import Attempts
from anymq.security.gate import Claim, Gate, LoggedIn, Verdict
from anymq.security.users import Users

RIGHTS = ("configure", "write", "read")


class Need(NamedTuple):
    """One right on one thing."""

    right: str
    name: str


def needs(text: str) -> tuple[Need, ...]:
    """Read `configure q, write amq.default`; nothing is needed for ``."""
    found = [Need(*one.split(" ", 1)) for one in text.split(", ") if one]
    assert all(one.right in RIGHTS for one in found), text
    return tuple(found)


class Person(NamedTuple):
    """Somebody, and what he may configure, write and read."""

    name: str
    patterns: tuple[str, str, str]

    def has(self, asked: tuple[Need, ...]) -> bool:
        """Has he all that is asked for?"""
        by_right = dict(zip(RIGHTS, self.patterns, strict=True))
        # No pattern is no right; another one is searched for in the name.
        return all(
            by_right[need.right] != "" and re.search(by_right[need.right], need.name) is not None
            for need in asked
        )


def everybody(queues: str, exchanges: str) -> Iterator[Person]:
    """All combinations, where these patterns are what there is."""
    patterns = {"none": "", "queues": queues, "exchanges": exchanges, "all": ".*"}
    for words in product(("none", "all"), patterns, patterns):
        configure, write, read = (patterns[word] for word in words)
        yield Person("-".join(words), (configure, write, read))


def let_in(broker: Broker, person: Person) -> None:
    """Let there be this user."""
    broker.users.put(person.name, password_hash=password_hash())
    broker.users.set_permissions(person.name, "/", *person.patterns)


class Trusting(Gate):
    """Believes everybody: passwords are slow on purpose, and not what is tried here."""

    def __init__(self) -> None:
        super().__init__(Attempts(lambda: 0.0))

    @override
    def log_in(self, users: Users, claim: Claim, then: LoggedIn) -> None:
        then(Verdict.RIGHT, claim.name)
