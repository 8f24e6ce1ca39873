"""Tokens: who somebody is and what he may do, as an identity provider has signed it (RFC 7519).

Which algorithms count is ours to say, never the token's. Looking at one may fetch the provider's
keys, so it is done in a helper thread.
"""

import threading
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from anymq.observability.log import Log

KEYS_BYTES_MAX = 1024 * 1024
KEYS_TIMEOUT_S = 10.0
REFETCH_S = 60.0  # a key that is not known may be a new one; who makes names up must not flood
RETRY_S = 10.0  # while there are no keys: who waits for the provider holds up other logins
STALE_S = 3_600.0  # what the provider does not have any more is not believed for longer
TOKEN_BYTES_MAX = 16 * 1024
LEEWAY_S = 5  # by which clocks may differ

log = Log(__name__)


class TokenRefused(Exception):
    """It is none, or not for us. The text is for our log."""


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """What is believed, of whom."""

    keys: str  # a file or a URL with a JWK set
    issuer: str
    audience: str
    algorithms: Sequence[str]
    name_claims: Sequence[str] = ("preferred_username", "sub", "client_id")
    scope_claim: str = "scope"
    scope_prefix: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a token says."""

    name: str
    scopes: tuple[str, ...]  # without the prefix
    expires_s: float  # since 1970


def is_token(text: str) -> bool:
    """Does it look like one? Passwords seldom do."""
    return text.startswith("eyJ") and text.count(".") == 2


class Tokens:
    """Looks at tokens. Any thread."""

    def __init__(self, settings: TokenSettings, now: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self._now = now
        self._lock = threading.Lock()
        self._keys: Any = None
        self._fetched = float("-inf")

    def identify(self, token: str) -> Identity:
        """Return who it is; TokenRefused: nobody."""
        from joserfc.errors import JoseError

        if len(token) > TOKEN_BYTES_MAX:
            raise TokenRefused("it is too long")
        try:
            claims = self._claims(token)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise TokenRefused(str(error) or type(error).__name__) from None
        return self._identity(claims)

    def _claims(self, token: str) -> Mapping[str, Any]:
        from joserfc import jwt
        from joserfc.errors import InvalidKeyIdError

        settings = self.settings
        try:
            decoded = jwt.decode(token, self._key_set(), list(settings.algorithms))
        except InvalidKeyIdError:
            decoded = jwt.decode(token, self._key_set(anew=True), list(settings.algorithms))
        jwt.JWTClaimsRegistry(
            lambda: int(self._now()),
            LEEWAY_S,
            iss={"essential": True, "value": settings.issuer},
            aud={"essential": True, "value": settings.audience},
            exp={"essential": True},
        ).validate(decoded.claims)
        return decoded.claims

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        names = (claims.get(claim) for claim in self.settings.name_claims)
        name = next((one for one in names if isinstance(one, str) and one), "")
        if not name:
            raise TokenRefused("it names nobody")
        said = claims.get(self.settings.scope_claim, "")
        scopes = said.split() if isinstance(said, str) else said
        if not isinstance(scopes, list) or not all(isinstance(one, str) for one in scopes):
            raise TokenRefused("its scopes are no text")
        prefix = self.settings.scope_prefix
        ours = tuple(one.removeprefix(prefix) for one in scopes if one.startswith(prefix))
        return Identity(name, ours, float(claims["exp"]) + LEEWAY_S)

    def _key_set(self, *, anew: bool = False) -> Any:
        with self._lock:
            if self._now() - self._fetched > self._lasts_s(anew=anew):
                self._fetched = self._now()
                found = self._fetch()
                self._keys = self._keys if found is None else found
            if self._keys is None:
                raise TokenRefused("there are no keys")
            return self._keys

    def _lasts_s(self, *, anew: bool) -> float:
        if self._keys is None:
            return RETRY_S
        return REFETCH_S if anew else STALE_S

    def _fetch(self) -> Any:
        """Return the provider's keys; None: there are none to be had."""
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        where = self.settings.keys
        try:
            if where.startswith(("https://", "http://")):
                with urllib.request.urlopen(where, timeout=KEYS_TIMEOUT_S) as answer:
                    text = answer.read(KEYS_BYTES_MAX)
            else:
                text = Path(where).read_bytes()
            found = KeySet.import_key_set(msgspec.json.decode(text))
        except (OSError, msgspec.DecodeError, JoseError, KeyError, TypeError) as error:
            log.error("the keys of the identity provider cannot be read", of=where, reason=error)
            return None
        return found
