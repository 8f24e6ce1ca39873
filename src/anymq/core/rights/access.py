"""Access: what one user may do with topics, groups and the cluster, from one address, as of now.

First the ACLs: what they deny is denied. Then what they allow, or the rights in the virtual host
allow, or for the cluster a tag. A topic is asked for as the stream it is: by its virtual host and
its name there, as AMQP asks.
"""

from anymq.core.rights import patterns
from anymq.core.rights.accounts import Accounts
from anymq.core.rights.acls import CLUSTER_NAME
from anymq.core.rights.operations import (
    CLUSTER_BY_TAG,
    PERMISSIONS,
    Kind,
    Operation,
)
from anymq.core.rights.records import PermissionRecord
from anymq.core.streams.stream_names import DEFAULT_VHOST, stream_of

ANONYMOUS = "ANONYMOUS"  # whom a listener that asks for nobody lets in
ANSWERS_MAX = 10_000  # that one connection remembers

Question = tuple[Operation, Kind, str]


class Access:
    """Asked before everything that a client does. Answers are remembered until rights change."""

    __slots__ = (
        "_accounts",
        "_answers",
        "_everything",
        "_poses",
        "_proved",
        "_version",
        "host",
        "user",
    )

    def __init__(self, accounts: Accounts, user: str, host: str, *, proved: bool = True) -> None:
        """`proved`: it has logged in. Who need not is limited only where rights were set for it."""
        self.user = user
        self.host = host
        self._accounts = accounts
        self._proved = proved
        self._version = -1
        self._everything = False
        self._poses = False
        self._answers: dict[Question, bool] = {}

    @property
    def is_known(self) -> bool:
        """Is there still such a user?"""
        return not self._proved or self.user in self._accounts

    @property
    def may_pose(self) -> bool:
        """May the user write in the name of others? Where nobody has to log in, names mean nothing.

        Asked only after `may`: answers are as old as that one's.
        """
        return self._poses

    def may(self, operation: Operation, kind: Kind, name: str) -> bool:
        """May the user do this to what has this name?"""
        if self._version != self._accounts.version:
            self._look()
        if self._everything:
            return True
        question = (operation, kind, name)
        answer = self._answers.get(question)
        if answer is None:
            answer = self._decide(operation, kind, name)
            if len(self._answers) >= ANSWERS_MAX:
                self._answers.clear()
            self._answers[question] = answer
        return answer

    def may_cluster(self, operation: Operation) -> bool:
        """May the user do this to the cluster itself?"""
        return self.may(operation, Kind.CLUSTER, CLUSTER_NAME)

    @property
    def may_write_at_all(self) -> bool:
        """Is there any topic that the user may write to?"""
        if self.may_cluster(Operation.IDEMPOTENT_WRITE):
            return True
        question = (Operation.IDEMPOTENT_WRITE, Kind.TOPIC, "")
        if question not in self._answers:
            self._answers[question] = self._writes_anywhere()
        return self._answers[question]

    def _writes_anywhere(self) -> bool:
        records = self._accounts.permissions(self.user)
        acls = self._accounts.acls
        return any(record.write for record in records) or acls.allow_any(
            self.user, self.host, Kind.TOPIC, Operation.WRITE
        )

    def _look(self) -> None:
        """See what the rights are now."""
        self._version = self._accounts.version
        self._answers.clear()
        self._poses = not self._proved or self._accounts.may_pose(self.user)
        self._everything = self._is_free and not self._accounts.acls.concern(self.user)

    @property
    def _is_free(self) -> bool:
        if not self._proved and self.user not in self._accounts:
            return True
        return not self._accounts.is_limited(self.user)

    def _decide(self, operation: Operation, kind: Kind, name: str) -> bool:
        if kind is Kind.CLUSTER and self._by_tag(operation):
            return True  # nobody locks the administrators out
        said = self._accounts.acls.verdict(self.user, self.host, kind, name, operation)
        if said is not None:
            return said
        if self._is_free:
            return True
        return kind is not Kind.CLUSTER and self._by_rights(operation, kind, name)

    def _by_tag(self, operation: Operation) -> bool:
        tags = self._accounts.tags_of(self.user)
        return any(operation in CLUSTER_BY_TAG.get(tag, ()) for tag in tags)

    def _by_rights(self, operation: Operation, kind: Kind, name: str) -> bool:
        vhost, name = stream_of(name) if kind is Kind.TOPIC else (DEFAULT_VHOST, name)
        record = self._accounts.of(self.user, vhost)
        return record is not None and any(
            _matches(record, permission, name) for permission in PERMISSIONS.get(operation, ())
        )


def _matches(record: PermissionRecord, permission: str, name: str) -> bool:
    pattern: str = getattr(record, permission)
    return patterns.matches(pattern, name)
