"""Permit: what one user may do in one virtual host, as of now."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from anymq.core.errors import NotAllowed
from anymq.core.rights import patterns
from anymq.core.rights.records import PermissionRecord, TopicPermissionRecord

CONFIGURE = "configure"
WRITE = "write"
READ = "read"
QUEUE = "queue"
EXCHANGE = "exchange"
GROUP = "group"
ANSWERS_MAX = 1_000  # that one connection remembers
DEFAULT_EXCHANGE = "amq.default"  # what the nameless exchange is called in rights

EVERYTHING = PermissionRecord(".*", ".*", ".*")


class Rights(Protocol):
    """Who knows what everybody may do."""

    version: int  # grows with every change

    def of(self, user: str, vhost: str) -> PermissionRecord | None:
        """Return what a user may do in a virtual host; None: not even enter it."""

    def topics_of(self, user: str, vhost: str) -> Mapping[str, TopicPermissionRecord]:
        """Return the routing keys that a user is limited to, by exchange."""

    def may_pose(self, user: str) -> bool:
        """May this user publish in the name of others?"""

    def has_rules(self, user: str) -> bool:
        """Are there ACLs about a user, beside the patterns?"""

    def ruled(
        self, user: str, host: str, vhost: str, permission: str, kind: str, name: str
    ) -> bool | None:
        """Return what the ACLs say of a queue (it may be a topic) or group; None: nothing."""


class Permit:
    """Asked before everything that a client does. Answers are remembered until rights change."""

    __slots__ = (
        "_all",
        "_answers",
        "_host",
        "_record",
        "_rights",
        "_ruled",
        "_topic_answers",
        "_topics",
        "_variables",
        "_version",
        "user",
        "vhost",
    )

    def __init__(
        self,
        rights: Rights,
        user: str,
        vhost: str,
        client_id: str | None = None,
        host: str = "",
    ) -> None:
        self.user = user
        self.vhost = vhost
        self._host = host
        self._ruled = False
        self._rights = rights
        self._version = -1
        self._record: PermissionRecord | None = None
        self._all = False
        self._topics: Mapping[str, TopicPermissionRecord] = {}
        self._answers: dict[tuple[str, str, str], bool] = {}
        self._topic_answers: dict[tuple[str, str, str], bool] = {}
        self._variables = {"username": user, "vhost": vhost}
        if client_id is not None:
            self._variables["client_id"] = client_id

    @property
    def may_enter(self) -> bool:
        """May the user be here at all?"""
        self._look()
        return self._record is not None

    @property
    def version(self) -> int:
        """What grows whenever any answer may have changed."""
        return self._rights.version

    @property
    def may_pose(self) -> bool:
        """May the user publish in the name of others?"""
        return self._rights.may_pose(self.user)

    @property
    def has_topics(self) -> bool:
        """Are there exchanges at which the user is limited to some routing keys?"""
        self._look()
        return bool(self._topics)

    @property
    def no_entry(self) -> str:
        """What to say to a user who may not be here."""
        return f"access to vhost '{self.vhost}' refused for user '{self.user}'"

    def exchange(self, permission: str, name: str) -> None:
        """Refuse, unless the user may do this to an exchange."""
        self.check(permission, EXCHANGE, name or DEFAULT_EXCHANGE)

    def queue(self, permission: str, name: str) -> None:
        """Refuse, unless the user may do this to a queue."""
        self.check(permission, QUEUE, name)

    def check(self, permission: str, kind: str, name: str) -> None:
        """Refuse, unless the user may do this to what has this name."""
        if not self.may(permission, name, kind):
            raise NotAllowed(
                f"{permission} access to {kind} '{name}' in vhost '{self.vhost}'"
                f" refused for user '{self.user}'"
            )

    def see(self, kind: str, name: str) -> None:
        """Refuse who may do nothing at all to it: whoever may anything may know that it is."""
        if not (self.may(READ, name, kind) or self.may(WRITE, name, kind)):
            self.check(CONFIGURE, kind, name)

    def topics(self, permission: str, exchange: str, keys: Sequence[str]) -> None:
        """Refuse, unless the user may use these routing keys at a topic exchange."""
        for key in keys:
            if not self.may_topic(permission, exchange, key):
                raise NotAllowed(
                    f"{permission} access to topic '{key}' in exchange '{exchange}'"
                    f" in vhost '{self.vhost}' refused for user '{self.user}'"
                )

    def may(self, permission: str, name: str, kind: str = QUEUE) -> bool:
        """May the user do this to what has this name?"""
        self._look()
        if self._all:
            return True
        question = (permission, kind, name)
        answer = self._answers.get(question)
        if answer is None:
            answer = self._decide(permission, kind, name)
            if len(self._answers) >= ANSWERS_MAX:
                self._answers.clear()
            self._answers[question] = answer
        return answer

    def may_topic(self, permission: str, exchange: str, key: str) -> bool:
        """May the user use this routing key at a topic exchange?"""
        self._look()
        record = self._topics.get(exchange)
        if record is None:
            return True
        question = (permission, exchange, key)
        answer = self._topic_answers.get(question)
        if answer is None:
            pattern = record.write if permission == WRITE else record.read
            answer = patterns.matches(patterns.filled_in(pattern, self._variables), key)
            if len(self._topic_answers) >= ANSWERS_MAX:
                self._topic_answers.clear()
            self._topic_answers[question] = answer
        return answer

    def _decide(self, permission: str, kind: str, name: str) -> bool:
        record = self._record
        if record is None:
            return False
        if self._ruled and kind != EXCHANGE:
            said = self._rights.ruled(self.user, self._host, self.vhost, permission, kind, name)
            if said is not None:
                return said
        pattern: str = getattr(record, permission)
        return patterns.matches(pattern, name)

    def _look(self) -> None:
        """See what the rights are now."""
        if self._version == self._rights.version:
            return
        self._version = self._rights.version
        self._record = self._rights.of(self.user, self.vhost)
        self._ruled = self._rights.has_rules(self.user)
        self._all = self._record == EVERYTHING and not self._ruled
        self._topics = self._rights.topics_of(self.user, self.vhost)
        self._answers.clear()
        self._topic_answers.clear()
