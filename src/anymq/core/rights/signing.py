"""Secrets by which users sign what they ask. On disk: `signing-secrets/<user>`, sealed.

A user has one only where somebody gave it one for this: what is kept of passwords cannot sign. It
goes with the user, and when the password is changed by other means.
"""

import msgspec

from anymq.core.catalog import Catalog
from anymq.core.errors import Unavailable
from anymq.core.rights import records
from anymq.security.sealing import Seal

SIGNING_SECRETS = "signing-secrets"
SECRET_BYTES_MAX = 255


class SecretRecord(msgspec.Struct, frozen=True):
    """A secret, sealed."""

    sealed: str


class SigningSecrets:
    """All there are."""

    def __init__(self, catalog: Catalog) -> None:
        self.seal: Seal | None = None  # None: nobody gave us a key, so there are no secrets
        self._sealed: dict[str, str] = {}  # by user
        self._opened: dict[str, str | None] = {}
        for key, value in catalog.values(f"{SIGNING_SECRETS}/"):
            self._on_change(key, value)
        catalog.listen_to(SIGNING_SECRETS, self._on_change)

    def __contains__(self, user: object) -> bool:
        return user in self._sealed

    def of(self, user: str) -> str | None:
        """Return a user's secret; None: it has none, or the key that sealed it is lost."""
        if user not in self._sealed or self.seal is None:
            return None
        if user not in self._opened:
            self._opened[user] = self.seal.open(self._sealed[user], user)
        return self._opened[user]

    def record(self, user: str, secret: str) -> SecretRecord:
        """Return what is kept of a secret."""
        if self.seal is None:
            raise Unavailable("there is no key to seal secrets with")
        return SecretRecord(self.seal.close(secret, user))

    def _on_change(self, key: str, value: bytes | None) -> None:
        (user,) = records.names_in(key)
        self._opened.pop(user, None)
        if value is None:
            self._sealed.pop(user, None)
        else:
            self._sealed[user] = _RECORD.decode(value).sealed


def secret_key(user: str) -> str:
    """Return the key of a user's secret."""
    return records.key_of(SIGNING_SECRETS, user)


_RECORD = msgspec.json.Decoder(SecretRecord)
