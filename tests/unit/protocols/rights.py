"""Users of every combination of rights, and what an operation needs: for the matrices of protocols.

Names of queues begin with q, of exchanges with x or amq.; a user may do something to all, to one
kind, or to none. So it is seen which right an operation asks for, and on what.
"""

import re
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from tests.unit.protocols.amqp.rights_matrix import PATTERNS, User, password_hash

from anymq.core.broker import Broker

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


def everybody() -> Iterator[User]:
    """Nothing, queues, exchanges, all: for each of the three rights."""
    for configure, write, read in product(PATTERNS, PATTERNS, PATTERNS):
        yield User(configure, write, read)


def has(user: User, asked: tuple[Need, ...]) -> bool:
    """Does this user have all that is asked for?"""
    by_right = dict(zip(RIGHTS, user.patterns, strict=True))
    # No pattern is no right; another one is searched for in the name.
    return all(
        by_right[need.right] != "" and re.search(by_right[need.right], need.name) is not None
        for need in asked
    )


def let_in(broker: Broker, user: User) -> None:
    """Let there be this user."""
    broker.users.put(user.name, password_hash=password_hash())
    broker.users.set_permissions(user.name, "/", *user.patterns)
