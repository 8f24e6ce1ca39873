"""Accounts: users and their rights. What is stored comes before what the broker was started with.

Users are *given* (by the configuration file; `guest` by default) or *stored* (made by the verbs).
A given user about whom nothing is stored is an administrator with every right. The first change
writes down what it has; from then on what is stored holds, and nothing else: a right that is taken
away does not come back by another door. The password of a user of the file is always the file's.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress

import msgspec

from anymq.core.catalog import Catalog, Then
from anymq.core.errors import Conflict, Invalid, NotFound, PreconditionFailed, Refused
from anymq.core.rights import patterns
from anymq.core.rights import records as keys
from anymq.core.rights.acls import ANY, Acls
from anymq.core.rights.loans import Loan
from anymq.core.rights.operations import OPERATIONS, Kind
from anymq.core.rights.permit import EVERYTHING, GROUP, Permit
from anymq.core.rights.records import (
    PermissionRecord,
    TopicPermissionRecord,
    UserRecord,
    permission_key,
    topic_permission_key,
    user_key,
    user_limits_key,
)
from anymq.core.rights.signing import SECRET_BYTES_MAX, SigningSecrets, secret_key
from anymq.core.rights.views import Permission, TopicPermission, User
from anymq.core.streams.stream_names import topic_of
from anymq.security import passwords

ADMINISTRATOR = "administrator"
IMPERSONATOR = "impersonator"
TAGS = (ADMINISTRATOR, "monitoring", "policymaker", "management", IMPERSONATOR)  # that mean much
NAME_BYTES_MAX = 255
TAGS_MAX = 32
USERS_MAX = 100_000

Changes = dict[str, msgspec.Struct | None]
Changed = Callable[[], None]


def ignore(error: Exception | None) -> None:
    """Do nothing when it is durable: whoever asked does not wait for it."""


class Accounts:
    """Who there is, and who may do what. Verbs take effect at once; `then` says it is durable."""

    def __init__(self, catalog: Catalog, vhosts: Collection[str]) -> None:
        self.version = 0
        self._loans: dict[str, Loan] = {}
        self.kept: Sequence[str] = passwords.KEPT  # as what passwords are kept
        self._proved = 0  # how many stored ones have a password
        self._catalog = catalog
        self._vhosts = vhosts
        self._file: frozenset[str] = frozenset()
        self._defaults: frozenset[str] = frozenset()
        self._stored: dict[str, UserRecord] = {}
        self._permissions: dict[str, dict[str, PermissionRecord]] = {}  # by user, by vhost
        self._topics: dict[tuple[str, str], dict[str, TopicPermissionRecord]] = {}
        self._watchers: dict[str, dict[Changed, None]] = {}
        for kind, changed in (
            (keys.USERS, self._on_user),
            (keys.PERMISSIONS, self._on_permission),
            (keys.TOPIC_PERMISSIONS, self._on_topic_permission),
        ):
            for key, value in catalog.values(f"{kind}/"):
                changed(key, value)
            catalog.listen_to(kind, changed)
        self.acls = Acls(catalog, self._on_acl)
        self.secrets = SigningSecrets(catalog)

    def give(self, of_the_file: Collection[str], defaults: Collection[str] = ()) -> None:
        """These users there are without being stored; `defaults` unless they were deleted."""
        file, default = frozenset(of_the_file), frozenset(defaults)
        if (file, default) == (self._file, self._defaults):
            return
        self._file, self._defaults = file, default
        self._changed(*list(self._watchers))

    # Looking

    def __contains__(self, name: object) -> bool:
        return self._is_known(name) or name in self._loans

    def _is_known(self, name: object) -> bool:
        """Is it given or stored, so more than lent?"""
        if name in self._file:
            return True
        record = self._stored.get(name) if isinstance(name, str) else None
        if record is None or record.given:
            return name in self._defaults
        return not record.deleted

    def __iter__(self) -> Iterator[str]:
        names = {*self._file, *self._defaults, *self._stored}
        return iter(sorted(name for name in names if self._is_known(name)))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def find(self, name: str) -> User:
        """Return a user, or refuse."""
        if not self._is_known(name):
            raise NotFound(f"no user '{name}'")
        record = self._record(name)
        given = name in self._file or record.given
        algorithm, hashed = passwords.as_rabbitmq_hash(record.proofs)
        proved = given or bool(record.proofs)
        return User(name, record.tags, given, proved, hashed, algorithm)

    def list(self) -> Sequence[User]:
        """Return all users, by name."""
        return [self.find(name) for name in self]

    def tags_of(self, name: str) -> tuple[str, ...]:
        """Return a user's tags; of nobody: none."""
        if self._is_known(name):
            return self._record(name).tags
        loan = self._loans.get(name)
        return loan.tags if loan is not None else ()

    def permissions(
        self, user: str | None = None, vhost: str | None = None
    ) -> Sequence[Permission]:
        """Return the rights of all users, or of one; in all virtual hosts, or in one."""
        users = self if user is None else [user]
        return [
            Permission(name, where, record.configure, record.write, record.read)
            for name in users
            for where, record in sorted(self._all_of(name).items())
            if vhost is None or where == vhost
        ]

    def topic_permissions(
        self, user: str | None = None, vhost: str | None = None
    ) -> Sequence[TopicPermission]:
        """Return the routing keys to which users are limited."""
        return [
            TopicPermission(name, where, exchange, record.write, record.read)
            for (name, where), topics in sorted(self._topics.items())
            if user in (None, name) and vhost in (None, where)
            for exchange, record in sorted(topics.items())
        ]

    def proofs(self, name: str) -> tuple[str, ...] | None:
        """Return what proves a stored user; empty: nothing does. None: the configuration says."""
        record = self._stored.get(name)
        return None if record is None or record.given else record.proofs

    def improve(self, name: str, proofs: Sequence[str]) -> None:
        """Keep this of a stored user's password, that it has just said."""
        record = self._stored.get(name)
        if record is not None and record.proofs and not (record.given or record.deleted):
            better = msgspec.structs.replace(record, proofs=tuple(proofs))
            with suppress(Refused):  # no room on the disk, say: it gets in all the same
                self._catalog.change({user_key(name): better}, ignore)

    @property
    def some_are_stored(self) -> bool:
        """Is anybody known by the verifier of a password only?"""
        return self._proved > 0

    # What users may do

    def of(self, user: str, vhost: str) -> PermissionRecord | None:
        """Return what a user may do in a virtual host; None: not even enter it."""
        if not self._is_known(user):
            loan = self._loans.get(user)
            return loan.record(vhost) if loan is not None else None
        if self._is_free(user):
            return EVERYTHING
        return self._permissions.get(user, {}).get(vhost)

    def topics_of(self, user: str, vhost: str) -> Mapping[str, TopicPermissionRecord]:
        """Return the routing keys that a user is limited to, by exchange."""
        if user in self._loans and not self._is_known(user):
            return self._loans[user].topics(vhost)
        return self._topics.get((user, vhost), {})

    def is_of_file(self, user: str) -> bool:
        """Is it a user whose password the configuration file says?"""
        return user in self._file

    def may_pose(self, user: str) -> bool:
        """May this user publish in the name of others?"""
        return IMPERSONATOR in self.tags_of(user)

    def is_limited(self, user: str) -> bool:
        """Is anything about a given user stored, so that it may not do everything?"""
        return not self._is_known(user) or not self._is_free(user)

    def permit(self, user: str, vhost: str, client_id: str | None = None, host: str = "") -> Permit:
        """Return what a connection from `host` asks before everything it does."""
        return Permit(self, user, vhost, client_id, host)

    def has_rules(self, user: str) -> bool:
        """Are there ACLs about a user, beside the patterns?"""
        return self.acls.concern(user)

    def ruled(
        self, user: str, host: str, vhost: str, permission: str, kind: str, name: str
    ) -> bool | None:
        """Return what the ACLs say of a queue (it may be a topic) or group; None: nothing."""
        of, named = Kind.GROUP, name
        if kind != GROUP:
            try:
                of, named = Kind.TOPIC, topic_of(vhost, name)
            except PreconditionFailed:
                return None  # too long for a topic
        said = [
            self.acls.verdict(user, host, of, named, operation)
            for operation in OPERATIONS[permission]
        ]
        if False in said:
            return False
        return None if None in said else True

    def watch(self, user: str, changed: Changed) -> None:
        """Call `changed` whenever the rights of a user, or who it is, may have changed."""
        self._watchers.setdefault(user, {})[changed] = None

    def unwatch(self, user: str, changed: Changed) -> None:
        """Call it no more."""
        watchers = self._watchers.get(user, {})
        watchers.pop(changed, None)
        if not watchers:
            self._watchers.pop(user, None)

    # Lending

    def lend(self, name: str, loan: Loan) -> bool:
        """Let somebody do this until it expires; the last loan counts. False: the name is taken."""
        full = name not in self._loans and len(self._loans) >= USERS_MAX
        if self._is_known(name) or full or not name or len(name.encode()) > NAME_BYTES_MAX:
            return False
        if self._loans.get(name) != loan:
            self._loans[name] = loan
            self._changed(name)
        return True

    def end_loans(self, now_s: float) -> None:
        """Those that have expired are over."""
        over = [name for name, loan in self._loans.items() if loan.expires_s <= now_s]
        for name in over:
            del self._loans[name]
        if over:
            self._changed(*over)

    # Changing users

    def put(
        self,
        name: str,
        *,
        password: str | None = None,
        password_hash: str | None = None,
        hashing_algorithm: str = "",
        verifiers: tuple[str, ...] | None = None,
        proofs: Sequence[str] | None = None,
        tags: Collection[str] | None = None,
        signing_secret: str | None = None,
        then: Then = ignore,
    ) -> None:
        """Make a user, or give it another password or other tags; None: what it has.

        An empty password, or hash, is none: nobody logs in by it. `password_hash` and
        `hashing_algorithm` are as RabbitMQ's definitions have them, `verifiers` as ours do. A new
        user may do nothing. `proofs`: what is kept of a password, made elsewhere, as that takes
        long. `signing_secret`: by what it signs; a new password forgets the one there was.
        """
        _check_name(name)
        if proofs is None:
            proofs = _checked_verifiers(verifiers)
        if proofs is None:
            proofs = self._proofs_of(password, password_hash, hashing_algorithm)
        if proofs is not None and name in self._file:
            raise Conflict(f"the password of user '{name}' is set in the configuration file")
        if name not in self and len(self._stored) >= USERS_MAX:
            raise Invalid(f"there are {len(self._stored)} users, no more are allowed")
        changes = self._written_down(name) if self._is_known(name) else self._forgotten(name)
        record = self._record(name) if self._is_known(name) else UserRecord()
        if proofs is not None:
            record = msgspec.structs.replace(record, proofs=tuple(proofs), given=False)
        if tags is not None:
            record = msgspec.structs.replace(record, tags=_checked_tags(tags))
        if signing_secret is not None:
            changes[secret_key(name)] = self._secret(name, signing_secret)
        elif proofs is not None:
            changes[secret_key(name)] = None
        self._catalog.change({**changes, user_key(name): record}, then)

    def put_signing_secret(self, name: str, secret: str | None, then: Then = ignore) -> None:
        """Let a user sign by this; None: by nothing any more. Its password stays as it is."""
        self.find(name)
        record = None if secret is None else self._secret(name, secret)
        self._catalog.change({**self._written_down(name), secret_key(name): record}, then)

    def put_verifier(self, name: str, verifier: passwords.Verifier, then: Then = ignore) -> None:
        """Let a user, who is made if need be, prove itself by this; its other mechanism stays.

        What else is kept of its password (hashes) is forgotten: it is of another one.
        """
        _check_name(name)
        if name in self._file:
            raise Conflict(f"the password of user '{name}' is set in the configuration file")
        kept = self._other_verifiers(name, verifier.mechanism)
        changes = self._written_down(name) if self._is_known(name) else {}
        self._catalog.change(
            {**changes, **self._proved_by(name, (passwords.to_text(verifier), *kept))}, then
        )

    def drop_verifier(self, name: str, mechanism: passwords.Mechanism, then: Then = ignore) -> None:
        """Let a user prove itself by this mechanism no more, nor by what is kept for others."""
        kept = self._other_verifiers(name, mechanism)
        if len(kept) == len(self._verifiers(name)):
            raise NotFound(f"user '{name}' has no credential of {mechanism.value}")
        self._catalog.change(self._proved_by(name, kept), then)

    def set_tags(self, name: str, tags: Collection[str], then: Then = ignore) -> None:
        """Give a user other tags."""
        self.find(name)
        self.put(name, tags=tags, then=then)

    def delete(self, name: str, then: Then = ignore) -> None:
        """Unmake a user, and all its rights. Those of the file are unmade there."""
        self.delete_all([name], then)

    def delete_all(self, names: Sequence[str], then: Then = ignore) -> None:
        """Unmake all of these users or none."""
        changes: Changes = {}
        for name in names:
            self.find(name)
            if name in self._file:
                raise Conflict(f"user '{name}' is of the configuration file: delete it there")
            gone = UserRecord(deleted=True) if name in self._defaults else None
            rules = dict.fromkeys(self.acls.keys_of(name))
            changes |= {**self._forgotten(name), **rules, user_key(name): gone}
        self._catalog.change(changes, then)

    # Changing rights

    def set_permissions(
        self, name: str, vhost: str, configure: str, write: str, read: str, then: Then = ignore
    ) -> None:
        """Let a user do this in a virtual host: three patterns of names; empty: none."""
        self._check_places(name, vhost)
        for pattern in (configure, write, read):
            patterns.check(pattern)
        changes = self._written_down(name)
        changes[permission_key(vhost, name)] = PermissionRecord(configure, write, read)
        self._catalog.change(changes, then)

    def clear_permissions(self, name: str, vhost: str, then: Then = ignore) -> None:
        """Let a user do nothing in a virtual host, not even enter it."""
        self._check_places(name, vhost)
        changes = self._written_down(name)
        changes[permission_key(vhost, name)] = None
        self._catalog.change(changes, then)

    def set_topic_permissions(
        self, name: str, vhost: str, exchange: str, write: str, read: str, then: Then = ignore
    ) -> None:
        """Limit a user to these routing keys at a topic exchange: to publish by, to bind by."""
        self._check_places(name, vhost)
        for pattern in (write, read):
            patterns.check(pattern)
        changes = self._written_down(name)
        key = topic_permission_key(vhost, name, exchange)
        changes[key] = TopicPermissionRecord(write, read)
        self._catalog.change(changes, then)

    def clear_topic_permissions(
        self, name: str, vhost: str, exchange: str | None = None, then: Then = ignore
    ) -> None:
        """Limit a user no more at an exchange; None: at none of the virtual host."""
        self._check_places(name, vhost)
        topics = self._topics.get((name, vhost), {})
        gone = [one for one in topics if exchange in (None, one)]
        self._catalog.change({topic_permission_key(vhost, name, one): None for one in gone}, then)

    # What the catalog tells

    def _on_user(self, key: str, value: bytes | None) -> None:
        (name,) = keys.names_in(key)
        self._loans.pop(name, None)  # who is stored is lent nothing
        before = self._stored.pop(name, None)
        self._proved -= before is not None and bool(before.proofs)
        if value is not None:
            record = self._stored[name] = _USER.decode(value)
            self._proved += bool(record.proofs)
        self._changed(name)

    def _on_permission(self, key: str, value: bytes | None) -> None:
        vhost, name = keys.names_in(key)
        of_user = self._permissions.setdefault(name, {})
        if value is None:
            of_user.pop(vhost, None)
        else:
            of_user[vhost] = _PERMISSION.decode(value)
        if not of_user:
            del self._permissions[name]
        self._changed(name)

    def _on_topic_permission(self, key: str, value: bytes | None) -> None:
        vhost, name, exchange = keys.names_in(key)
        topics = self._topics.setdefault((name, vhost), {})
        if value is None:
            topics.pop(exchange, None)
        else:
            topics[exchange] = _TOPIC_PERMISSION.decode(value)
        if not topics:
            del self._topics[name, vhost]
        self._changed(name)

    def _on_acl(self, name: str) -> None:
        self._changed(*(list(self._watchers) if name == ANY else (name,)))

    def _changed(self, *names: str) -> None:
        self.version += 1
        for name in names:
            for changed in list(self._watchers.get(name, ())):
                changed()

    # Within

    def _proofs_of(
        self, password: str | None, password_hash: str | None, algorithm: str
    ) -> tuple[str, ...] | None:
        if password is not None and password_hash is not None:
            raise Invalid("a password, or the hash of one: not both")
        if password_hash:
            try:
                return (passwords.from_rabbitmq_hash(password_hash, algorithm),)
            except ValueError as error:
                raise Invalid(f"the hash of a password: {error}") from None
        if password:
            return passwords.proofs_of(password, self.kept)
        return None if password is None and password_hash is None else ()

    def _secret(self, name: str, secret: str) -> msgspec.Struct:
        if not 0 < len(secret.encode(errors="surrogatepass")) <= SECRET_BYTES_MAX:
            raise Invalid(f"a secret has from 1 to {SECRET_BYTES_MAX} bytes")
        return self.secrets.record(name, secret)

    def _is_free(self, name: str) -> bool:
        """Is it a given user about whom nothing is stored?"""
        record = self._stored.get(name)
        return record is None or (record.deleted and name in self._file)

    def _record(self, name: str) -> UserRecord:
        return GIVEN if self._is_free(name) else self._stored[name]

    def _all_of(self, name: str) -> Mapping[str, PermissionRecord]:
        if self._is_known(name) and self._is_free(name):
            return dict.fromkeys(self._vhosts, EVERYTHING)
        if (loan := self._loans.get(name)) is not None:
            lent = ((vhost, loan.record(vhost)) for vhost in self._vhosts)
            return {vhost: record for vhost, record in lent if record is not None}
        return self._permissions.get(name, {})

    def _written_down(self, name: str) -> Changes:
        """Return the changes that store what a given user has had without being stored."""
        if not self._is_known(name) or not self._is_free(name):
            return {}
        # The user comes last: it is free until its rights are there.
        changes: Changes = {permission_key(vhost, name): EVERYTHING for vhost in self._vhosts}
        return {**changes, user_key(name): GIVEN}

    def _forgotten(self, name: str) -> Changes:
        """Return the changes that take all rights of a user, or of one who was there once."""
        changes: Changes = {user_limits_key(name): None, secret_key(name): None}
        changes.update(
            (permission_key(vhost, name), None) for vhost in self._permissions.get(name, {})
        )
        for (user, vhost), topics in self._topics.items():
            if user == name:
                changes.update((topic_permission_key(vhost, name, one), None) for one in topics)
        return changes

    def _verifiers(self, name: str) -> tuple[str, ...]:
        """Return the SCRAM verifiers of a stored user, the newest first."""
        proofs = self.proofs(name) or ()
        return tuple(one for one in proofs if passwords.mechanism_of(one) is not None)

    def _other_verifiers(self, name: str, mechanism: passwords.Mechanism) -> tuple[str, ...]:
        verifiers = self._verifiers(name)
        return tuple(one for one in verifiers if passwords.mechanism_of(one) is not mechanism)

    def _proved_by(self, name: str, proofs: tuple[str, ...]) -> Changes:
        if name not in self and len(self._stored) >= USERS_MAX:
            raise Invalid(f"there are {len(self._stored)} users, no more are allowed")
        record = self._record(name) if self._is_known(name) else UserRecord()
        changed = msgspec.structs.replace(record, proofs=proofs, given=False)
        return {user_key(name): changed, secret_key(name): None}

    def _check_places(self, name: str, vhost: str) -> None:
        self.find(name)
        if vhost not in self._vhosts:
            raise NotFound(f"vhost {vhost} not found")


GIVEN = UserRecord(tags=(ADMINISTRATOR,), given=True)

_USER = msgspec.json.Decoder(UserRecord)
_PERMISSION = msgspec.json.Decoder(PermissionRecord)
_TOPIC_PERMISSION = msgspec.json.Decoder(TopicPermissionRecord)


def _check_name(name: str) -> None:
    if not name or len(name.encode()) > NAME_BYTES_MAX:
        raise Invalid(f"the name of a user has from 1 to {NAME_BYTES_MAX} bytes")
    if "\0" in name:
        raise Invalid("the name of a user has no zero bytes")


def _checked_tags(tags: Collection[str]) -> tuple[str, ...]:
    unique = tuple(dict.fromkeys(tag for tag in tags if tag))
    if len(unique) > TAGS_MAX:
        raise Invalid(f"a user has no more than {TAGS_MAX} tags")
    if any(len(tag.encode()) > NAME_BYTES_MAX for tag in unique):
        raise Invalid(f"a tag has no more than {NAME_BYTES_MAX} bytes")
    return unique


def _checked_verifiers(verifiers: tuple[str, ...] | None) -> tuple[str, ...] | None:
    for verifier in verifiers or ():
        try:
            passwords.check_verifier(verifier)
        except ValueError as error:
            raise Invalid(f"the verifier of a password: {error}") from None
    return verifiers
