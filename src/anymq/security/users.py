"""Users, and what proves them: as the configuration names them, and as they are stored."""

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from anymq.security.passwords import (
    Mechanism,
    Verifier,
    derive,
    from_rabbitmq_hash,
    from_text,
    matches_rabbitmq_hash,
)

_VERIFIER_PREFIX = "SCRAM-SHA-"
_HASH_PREFIX = "rabbit_password_hashing_"
_KNOWN_GOOD_MAX = 10_000

# Of this run. Unlike a secret of each `Users`, it outlives a reload of the settings.
MARKS = secrets.token_bytes(32)

Proofs = Sequence[str]


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


class Users:
    """Names and what proves them. A proof is a password, or a verifier of one (`to_text`)."""

    def __init__(
        self,
        secrets_of: Mapping[str, Proofs] | None = None,
        *,
        defaults: Mapping[str, Proofs] | None = None,
        stored: Stored | None = None,
    ) -> None:
        """`secrets_of` the configuration comes first, then who is stored, then `defaults`."""
        self._file = dict(secrets_of or {})
        self._defaults = {
            name: proofs for name, proofs in (defaults or {}).items() if name not in self._file
        }
        self._stored = stored
        self._derived: dict[tuple[str, Mechanism], Verifier] = {}  # of passwords in clear
        self._secret = secrets.token_bytes(32)
        self._known_good: dict[str, bytes] = {}
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
        """Is this the password of `name`? As slow for a name nobody has."""
        if not password:
            return False  # as with RabbitMQ: an empty one proves nothing
        proofs = self._proofs(name)
        if not self._slow:
            return self._is_password(_password(proofs), password)
        # Deriving a key is slow by design. A password that was right is recognised by a keyed
        # digest, so a client that connects often does not hold up the others.
        proved = repr((name, password, tuple(proofs))).encode()
        digest = hmac.digest(self._secret, proved, hashlib.sha256)
        if hmac.compare_digest(self._known_good.get(name, b""), digest):
            return True
        if not self._matches(name, proofs, password):
            return False
        if len(self._known_good) >= _KNOWN_GOOD_MAX:
            self._known_good.clear()
        self._known_good[name] = digest
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

    def _matches(self, name: str, proofs: Proofs, password: str) -> bool:
        verifier = _newest(proofs) or self.verifier(name, Mechanism.SHA_256)
        slowly = (verifier or self.nobody(name, Mechanism.SHA_256)).matches(password)
        return (slowly and verifier is not None) or matches_rabbitmq_hash(proofs, password)

    def _is_password(self, known: str | None, password: str) -> bool:
        """Compare with what the configuration says: who knows passwords has nothing to derive."""
        right = secrets.token_hex() if known is None else known
        digests = (
            hmac.digest(self._secret, text.encode(), hashlib.sha256) for text in (right, password)
        )
        return hmac.compare_digest(*digests) and known is not None

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


def _newest(proofs: Proofs) -> Verifier | None:
    """Return the first verifier: mechanisms may have different passwords, the last set is first."""
    scram = [proof for proof in proofs if proof.startswith(_VERIFIER_PREFIX)]
    return from_text(scram[0]) if scram else None


def _password(proofs: Proofs) -> str | None:
    """Return the password that is among the proofs in clear."""
    for proof in proofs:
        if not proof.startswith((_VERIFIER_PREFIX, _HASH_PREFIX)):
            return proof
    return None
