"""Loans: rights that a token lends to somebody who is not stored, until it expires.

Scopes are RabbitMQ's: `tag:administrator`, `read:<vhost>/<name>`, `write:<vhost>/<exchange>/<key>`;
`*` stands for anything, what else is special is percent-quoted.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from typing_extensions import override

from anymq.core.rights.records import PermissionRecord, TopicPermissionRecord

ALLOWED = ("configure", "write", "read")
TAG = "tag:"


@dataclass(frozen=True, slots=True)
class Scope:
    """One right."""

    permission: str
    vhost: str
    name: str
    key: str | None  # only with one are topic exchanges open


@dataclass(frozen=True, slots=True)
class Loan:
    """What somebody was lent."""

    tags: tuple[str, ...]
    scopes: tuple[Scope, ...]
    expires_s: float  # since 1970

    def record(self, vhost: str) -> PermissionRecord | None:
        """Return the rights in a virtual host; None: not even to enter it."""
        here = [scope for scope in self.scopes if _fits(scope.vhost, vhost)]
        if not here:
            return None
        configure, write, read = (
            _union(scope.name for scope in here if scope.permission == each) for each in ALLOWED
        )
        return PermissionRecord(configure, write, read)

    def topics(self, vhost: str) -> Mapping[str, TopicPermissionRecord]:
        """Return the routing keys at topic exchanges: those of scopes that name some."""
        return LentTopics([scope for scope in self.scopes if _fits(scope.vhost, vhost)])


class LentTopics(Mapping[str, TopicPermissionRecord]):
    """There is a limit at every exchange."""

    def __init__(self, scopes: list[Scope]) -> None:
        self._scopes = scopes

    @override
    def __getitem__(self, exchange: str) -> TopicPermissionRecord:
        fitting = [
            scope for scope in self._scopes if scope.key is not None and _fits(scope.name, exchange)
        ]
        write, read = (
            _union(scope.key or "" for scope in fitting if scope.permission == each)
            for each in ("write", "read")
        )
        return TopicPermissionRecord(write, read)

    @override
    def __iter__(self) -> Iterator[str]:
        return iter({scope.name for scope in self._scopes})

    @override
    def __len__(self) -> int:
        return max(1, len(self._scopes))


def loan_of(scopes: Iterable[str], expires_s: float) -> Loan:
    """Read the scopes of a token; what is none of ours means nothing."""
    said = list(scopes)
    tags = tuple(one.removeprefix(TAG) for one in said if one.startswith(TAG))
    read = (_scope(one) for one in said)
    return Loan(tags, tuple(one for one in read if one is not None), expires_s)


def _scope(text: str) -> Scope | None:
    permission, _, rest = text.partition(":")
    parts = rest.split("/")
    if permission not in ALLOWED or len(parts) not in (2, 3):
        return None
    return Scope(permission, parts[0], parts[1], parts[2] if len(parts) == 3 else None)


def _union(wildcards: Iterable[str]) -> str:
    """Return the pattern of names that fit one of these; empty: none does."""
    each = "|".join(sorted({_regex(one) for one in wildcards}))
    return f"^(?:{each})\\Z" if each else ""


def _regex(wildcard: str) -> str:
    return "(?s:.*)".join(re.escape(unquote(part)) for part in wildcard.split("*"))


def _fits(wildcard: str, name: str) -> bool:
    return _compiled(wildcard).fullmatch(name) is not None


@lru_cache(4096)
def _compiled(wildcard: str) -> "re.Pattern[str]":
    return re.compile(_regex(wildcard))
