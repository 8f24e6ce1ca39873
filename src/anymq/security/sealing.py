"""Sealing: secrets that must be used as they are, kept so that who sees the definitions sees none.

A signature by HMAC can be checked only with the secret itself, so a hash of it will not do. It is
encrypted with a key that lies beside the data, in a file of its own: an export, a backup of the
definitions or a copy of the metadata log does not have it. Who has both has the secrets.
"""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode

KEY_BYTES = 32
NONCE_BYTES = 16
TAG_BYTES = 32
_BLOCK_BYTES = 32


class Seal:
    """Encrypts, then authenticates: a stream of HMAC-SHA256 over a counter, and one over it all."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        self._stream_key = hmac.digest(key, b"anymq sealing: stream", hashlib.sha256)
        self._tag_key = hmac.digest(key, b"anymq sealing: tag", hashlib.sha256)

    def close(self, secret: str, whose: str) -> str:
        """Return the secret, sealed; it opens for this owner only."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        hidden = self._stream(nonce, secret.encode())
        return b64encode(nonce + hidden + self._tag(whose, nonce + hidden)).decode()

    def open(self, sealed: str, whose: str) -> str | None:
        """Return the secret; None: it was sealed by another key, for another one, or changed."""
        try:
            content = b64decode(sealed, validate=True)
        except ValueError:
            return None
        body, tag = content[:-TAG_BYTES], content[-TAG_BYTES:]
        if len(body) < NONCE_BYTES or not hmac.compare_digest(tag, self._tag(whose, body)):
            return None
        return self._stream(body[:NONCE_BYTES], body[NONCE_BYTES:]).decode()

    def _stream(self, nonce: bytes, content: bytes) -> bytes:
        """Encrypt, or decrypt: it is the same."""
        blocks = range(0, len(content), _BLOCK_BYTES)
        stream = b"".join(
            hmac.digest(self._stream_key, nonce + at.to_bytes(8, "big"), hashlib.sha256)
            for at in blocks
        )
        return bytes(one ^ other for one, other in zip(content, stream, strict=False))

    def _tag(self, whose: str, body: bytes) -> bytes:
        owner = whose.encode()
        content = len(owner).to_bytes(4, "big") + owner + body
        return hmac.digest(self._tag_key, content, hashlib.sha256)
