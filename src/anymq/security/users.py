"""Users, and what proves them: as the configuration names them, and as they are stored."""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Protocol, TypeVar

from anymq.security.passwords import (
    ARGON2ID,
    ARGON2ID_PREFIX,
    KEPT,
    Mechanism,
    Proved,
    Verifier,
    argon2id,
    better,
    check_argon2id,
    derive,
    from_rabbitmq_hash,
    from_text,
    is_kept_as,
    matches_argon2id,
    matches_rabbitmq_hash,
)

_VERIFIER_PREFIX = "SCRAM-SHA-"
_HASH_PREFIX = "rabbit_password_hashing_"
_REMEMBERED_MAX = 10_000

# Of this run. Unlike a secret of each `Users`, it outlives a reload of the settings.
MARKS = secrets.token_bytes(32)

Proofs = Sequence[str]
Key = TypeVar("Key")
Value = TypeVar("Value")


class Stored(Protocol):
    """Who knows the stored users."""

    def __contains__(self, name: object) -> bool:
        """Is there such a user, stored or given?"""

    def __iter__(self) -> Iterator[str]:
        """Go over the names of all."""

    def proofs(self, name: str) -> Proofs | None:
        """Return what proves a stored user. None: what proves it by the configuration does."""

    @property
    def some_are_stored(self) -> bool:
        """Is anybody known by the verifier of a password only?"""

    def improve(self, name: str, proofs: Sequence[str]) -> None:
        """Keep this of the password that just proved a stored user."""


class Users:
    """Names and what proves them. A proof is a password, or a verifier of one (`to_text`)."""

    def __init__(
        self,
        secrets_of: Mapping[str, Proofs] | None = None,
        *,
        defaults: Mapping[str, Proofs] | None = None,
        stored: Stored | None = None,
        kept: Sequence[str] = KEPT,
    ) -> None:
        """`secrets_of` the configuration comes first, then who is stored, then `defaults`.

        `kept`: as what passwords of stored users are kept; who logs in is kept so from then on.
        """
        self._file = dict(secrets_of or {})
        self._defaults = {
            name: proofs for name, proofs in (defaults or {}).items() if name not in self._file
        }
        self._stored = stored
        self._kept = tuple(kept)
        self._derived: dict[tuple[str, Mechanism], Verifier] = {}  # of passwords in clear
        self._secret = secrets.token_bytes(32)
        self._known_good: dict[str, bytes] = {}
        self._known_bad: dict[bytes, None] = {}
        for proof in (one for proofs in self._given().values() for one in proofs):
            _check(proof)  # ValueError here, not when somebody logs in
        self._some_by_verifier = any(
            _password(proofs) is None for proofs in self._given().values() if proofs
        )

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[str]:
        names = {*self._given(), *(self._stored or ())}
        return (name for name in sorted(names) if name in self)

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        if name in self._file or self._stored is None:
            return name in self._given()
        return name in self._stored

    def check(self, name: str, password: str) -> bool:
        """Is this the password of `name`? Looks here and now, which may be slow: see `Gate`."""
        known = self.known(name, password)
        if known is not None:
            return known
        proved = self.prover(name, password)()
        return self.learn(name, password, self.digest(name, password), proved)

    def known(self, name: str, password: str) -> bool | None:
        """Say whether this is the password, if that is known without much work."""
        if not name or not password:
            return False  # as with RabbitMQ: an empty one proves nothing
        if not self._slow and self._is_password(_password(self._proofs(name)), password):
            return True
        # What was right, or wrong, is recognised by a keyed digest, so a client that connects
        # often does not hold up the others.
        digest = self.digest(name, password)
        if hmac.compare_digest(self._known_good.get(name, b""), digest):
            return True
        return False if digest in self._known_bad else None

    def digest(self, name: str, password: str) -> bytes:
        """Return what stands for this password of this user, until that is proved otherwise."""
        proved = repr((name, password, tuple(self._proofs(name)))).encode()
        return hmac.digest(self._secret, proved, hashlib.sha256)

    def prover(self, name: str, password: str) -> Callable[[], Proved]:
        """Return what looks at a password. In any thread; as slow for a name nobody has."""
        proofs = tuple(self._proofs(name))
        if not self._slow:
            return lambda: Proved(self._is_password(_password(proofs), password))
        verifier = _newest(proofs) or self.verifier(name, Mechanism.SHA_256)
        stand_in = self.nobody(name, Mechanism.SHA_256)
        look = partial(_prove, proofs, verifier, stand_in, password)
        return partial(look, self._kept, stored=self._is_stored(name))

    def learn(self, name: str, password: str, digest: bytes, proved: Proved) -> bool:
        """Remember what came of it. False also if what proves the user has changed meanwhile."""
        if not hmac.compare_digest(digest, self.digest(name, password)):
            return False
        if not proved.right:
            _remember(self._known_bad, digest, None)
            return False
        if proved.better and self._stored is not None:
            self._stored.improve(name, proved.better)
        _remember(self._known_good, name, self.digest(name, password))
        return True

    def mark(self, name: str) -> bytes:
        """Return what changes with what proves this user; empty: there is no such user."""
        if name not in self:
            return b""
        proofs = repr((name, tuple(self._proofs(name)))).encode()
        return hmac.digest(MARKS, proofs, hashlib.sha256)

    def verifier(self, name: str, mechanism: Mechanism) -> Verifier | None:
        """Return what checks `name` by this mechanism."""
        proofs = self._proofs(name)
        for proof in proofs:
            if proof.startswith(f"{mechanism.value}$"):
                return from_text(proof)
        password = _password(proofs)
        if password is None:
            return None
        key = (name, mechanism)
        if key not in self._derived:
            self._derived[key] = derive(password, mechanism)
        return self._derived[key]

    def password(self, name: str) -> str | None:
        """Return a password that the configuration has in clear: it can check signatures."""
        return _password(self._proofs(name)) if name in self else None

    def nobody(self, name: str, mechanism: Mechanism) -> Verifier:
        """Return a verifier that nothing matches: unknown names must look like wrong passwords."""
        salt = hmac.digest(self._secret, name.encode(), hashlib.sha256)[:16]
        keys = secrets.token_bytes(hashlib.new(mechanism.hash_name).digest_size)
        return Verifier(mechanism, salt, 4096, keys, keys)

    @property
    def _slow(self) -> bool:
        """Is somebody's password known by its verifier only?

        Then all are checked the slow way: else the time would tell which names there are.
        """
        return self._some_by_verifier or (self._stored is not None and self._stored.some_are_stored)

    def _is_password(self, known: str | None, password: str) -> bool:
        """Compare with what the configuration says: who knows passwords has nothing to derive."""
        right = secrets.token_hex() if known is None else known
        digests = (
            hmac.digest(self._secret, text.encode(), hashlib.sha256) for text in (right, password)
        )
        return hmac.compare_digest(*digests) and known is not None

    def _is_stored(self, name: str) -> bool:
        """Is what proves this user kept by us, and not in a file?"""
        if name in self._file or self._stored is None:
            return False
        return bool(self._stored.proofs(name))

    def _given(self) -> dict[str, Proofs]:
        return {**self._defaults, **self._file}

    def _proofs(self, name: str) -> Proofs:
        if name in self._file:
            return self._file[name]
        stored = None if self._stored is None else self._stored.proofs(name)
        return self._defaults.get(name, ()) if stored is None else stored


def _check(proof: str) -> None:
    if proof.startswith(_VERIFIER_PREFIX):
        from_text(proof)
    elif proof.startswith(_HASH_PREFIX):
        algorithm, _, hashed = proof.partition("$")
        from_rabbitmq_hash(hashed, algorithm)
    elif proof.startswith(ARGON2ID_PREFIX):
        check_argon2id(proof)


def _newest(proofs: Proofs) -> Verifier | None:
    """Return the first verifier: mechanisms may have different passwords, the last set is first."""
    scram = [proof for proof in proofs if proof.startswith(_VERIFIER_PREFIX)]
    return from_text(scram[0]) if scram else None


def _password(proofs: Proofs) -> str | None:
    """Return the password that is among the proofs in clear."""
    for proof in proofs:
        if not proof.startswith((_VERIFIER_PREFIX, _HASH_PREFIX, ARGON2ID_PREFIX)):
            return proof
    return None


def _prove(
    proofs: Proofs,
    verifier: Verifier | None,
    stand_in: Verifier,
    password: str,
    kept: Sequence[str],
    *,
    stored: bool,
) -> Proved:
    """Look at a password by all that is known of it; what is not known takes as long."""
    hashed = next((one for one in proofs if is_kept_as(one) == ARGON2ID), "")
    if not hashed and ARGON2ID in kept:
        matches_argon2id(_nobodys_hash(), password)  # others have one
    by_hash = bool(hashed) and matches_argon2id(hashed, password)
    by_verifier = (verifier or stand_in).matches(password) and verifier is not None
    if not (by_hash or by_verifier or matches_rabbitmq_hash(proofs, password)):
        return Proved(False)
    return Proved(True, better(proofs, password, kept) if stored else ())


@cache
def _nobodys_hash() -> str:
    """Return what no password matches, as slowly as others."""
    return argon2id(secrets.token_hex())


def _remember(what: dict[Key, Value], key: Key, value: Value) -> None:
    if len(what) >= _REMEMBERED_MAX:
        del what[next(iter(what))]  # the oldest
    what[key] = value
