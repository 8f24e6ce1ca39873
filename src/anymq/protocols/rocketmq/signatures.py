"""Signatures: HMAC-SHA1 of what is asked, by a secret that the user and we know.

By remoting, of all fields' values in the order of their names, and the body; by gRPC, of the time
that the call names.
"""

import hashlib
import hmac
from base64 import b64decode
from collections.abc import Mapping
from typing import NamedTuple

ACCESS_KEY, SIGNATURE = "AccessKey", "Signature"
# Left out by clients of 4.9.3 and before, who add it when they have signed.
_ADDED_LATER = "_UNIQUE_KEY_QUERY"
ALGORITHM = "MQv2-HMAC-SHA1"


class Signed(NamedTuple):
    """Who signed, what, and how."""

    user: str
    content: bytes
    signature: bytes

    def is_by(self, secret: str) -> bool:
        """Was it signed with this?"""
        right = hmac.digest(secret.encode(), self.content, hashlib.sha1)
        return hmac.compare_digest(right, self.signature)


def of_request(ext: Mapping[str, str], body: bytes) -> list[Signed]:
    """Return what a request of remoting may have been signed as; empty: it is not signed."""
    user = ext.get(ACCESS_KEY)
    if not user:
        return []
    signature = _unquoted(ext.get(SIGNATURE, ""))
    found = [Signed(user, _content(ext, body, SIGNATURE), signature)]
    if _ADDED_LATER in ext:
        found.append(Signed(user, _content(ext, body, SIGNATURE, _ADDED_LATER), signature))
    return found


def _content(ext: Mapping[str, str], body: bytes, *without: str) -> bytes:
    values = "".join(ext[name] for name in sorted(ext) if name not in without)
    return values.encode(errors="surrogateescape") + body


def _unquoted(said: str) -> bytes:
    try:
        return b64decode(said, validate=True)
    except ValueError:
        return b""


def of_call(authorization: str, date_time: str) -> Signed | None:
    """Return how a call of gRPC is signed, by two of its headers; None: it is not, or wrongly.

    `MQv2-HMAC-SHA1 Credential=USER, SignedHeaders=x-mq-date-time, Signature=HEX`
    """
    algorithm, _, rest = authorization.partition(" ")
    said = dict(_pair(one) for one in rest.split(","))
    user = said.get("Credential", "").partition("/")[0]
    try:
        signature = bytes.fromhex(said.get(SIGNATURE, ""))
    except ValueError:
        return None
    if algorithm != ALGORITHM or not user or not date_time or not signature:
        return None
    return Signed(user, date_time.encode(), signature)


def _pair(said: str) -> tuple[str, str]:
    name, _, value = said.strip().partition("=")
    return name, value
