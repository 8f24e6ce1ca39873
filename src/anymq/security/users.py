"""Users, as the configuration names them."""

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Mapping, Sequence

from anymq.security.passwords import Mechanism, Verifier, derive, from_text

_VERIFIER_PREFIX = "SCRAM-SHA-"


class Users:
    """Names and what proves them."""

    def __init__(self, secrets_of: Mapping[str, Sequence[str]] | None = None) -> None:
        """Each name has a password, or the verifiers of one (see `passwords.to_text`)."""
        self._verifiers: dict[tuple[str, Mechanism], Verifier] = {}
        self._passwords: dict[str, str] = {}
        self._secret = secrets.token_bytes(32)
        self._known_good: dict[str, bytes] = {}
        for name, proofs in (secrets_of or {}).items():
            for proof in proofs:
                self._add(name, proof)
        # Somebody's password is known by its verifier only. Then all are checked the slow way: else
        # the time it takes would tell which names there are.
        self._only_verifiers = any(name not in self._passwords for name, _ in self._verifiers)

    def __len__(self) -> int:
        return len({name for name, _ in self._verifiers} | self._passwords.keys())

    def __iter__(self) -> Iterator[str]:
        return iter({name for name, _ in self._verifiers} | self._passwords.keys())

    def check(self, name: str, password: str) -> bool:
        """Is this the password of `name`? As slow for a name nobody has."""
        if not self._only_verifiers:
            return self._is_password(name, password)
        # Deriving a key is slow by design. A password that was right is recognised by a keyed
        # digest, so a client that connects often does not hold up the others.
        digest = hmac.digest(self._secret, f"{name}\0{password}".encode(), hashlib.sha256)
        if hmac.compare_digest(self._known_good.get(name, b""), digest):
            return True
        verifier = self.verifier(name, Mechanism.SHA_256) or self.verifier(name, Mechanism.SHA_512)
        known = verifier is not None
        if not (verifier or self.nobody(name, Mechanism.SHA_256)).matches(password) or not known:
            return False
        self._known_good[name] = digest
        return True

    def _is_password(self, name: str, password: str) -> bool:
        """Compare with what the configuration says: who knows passwords has nothing to derive."""
        known = self._passwords.get(name)
        right = secrets.token_hex() if known is None else known
        digests = (
            hmac.digest(self._secret, text.encode(), hashlib.sha256) for text in (right, password)
        )
        return hmac.compare_digest(*digests) and known is not None

    def verifier(self, name: str, mechanism: Mechanism) -> Verifier | None:
        """Return what checks `name` by this mechanism."""
        key = (name, mechanism)
        if key not in self._verifiers and name in self._passwords:
            self._verifiers[key] = derive(self._passwords[name], mechanism)
        return self._verifiers.get(key)

    def nobody(self, name: str, mechanism: Mechanism) -> Verifier:
        """Return a verifier that nothing matches: unknown names must look like wrong passwords."""
        salt = hmac.digest(self._secret, name.encode(), hashlib.sha256)[:16]
        keys = secrets.token_bytes(hashlib.new(mechanism.hash_name).digest_size)
        return Verifier(mechanism, salt, 4096, keys, keys)

    def _add(self, name: str, proof: str) -> None:
        if proof.startswith(_VERIFIER_PREFIX):
            verifier = from_text(proof)
            self._verifiers[name, verifier.mechanism] = verifier
        else:
            self._passwords[name] = proof
