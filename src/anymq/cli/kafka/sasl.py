"""The client's side of logging in: PLAIN (RFC 4616) and SCRAM (RFC 5802), without a socket."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Generator

from anymq.cli.kafka.errors import LoginFailed
from anymq.cli.kafka.security import Login

NONCE_BYTES = 24
ITERATIONS_MAX = 1_000_000  # a broker may not keep us busy for minutes
HASHES = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}

# Yields what to send, is sent what came; ends when the broker has proved itself.
Exchange = Generator[bytes, bytes, None]


def exchange(login: Login, nonce: str | None = None) -> Exchange:
    """Start a conversation for this login; tests decide the nonce."""
    if login.mechanism == "PLAIN":
        return _plain(login)
    return _scram(login, nonce or base64.b64encode(secrets.token_bytes(NONCE_BYTES)).decode())


def _plain(login: Login) -> Exchange:
    yield f"\0{login.user}\0{login.password}".encode()


def _scram(login: Login, nonce: str) -> Exchange:
    name = HASHES[login.mechanism]
    bare = f"n={login.user.replace('=', '=3D').replace(',', '=2C')},r={nonce}"
    challenge = (yield f"n,,{bare}".encode()).decode()
    fields = _fields(challenge)
    salt, iterations = _salt(fields, nonce)
    salted = hashlib.pbkdf2_hmac(name, login.password.encode(), salt, iterations)
    unproved = f"c={base64.b64encode(b'n,,').decode()},r={fields['r']}"
    signed = f"{bare},{challenge},{unproved}".encode()
    proof = base64.b64encode(_proof(name, salted, signed)).decode()
    answer = _fields((yield f"{unproved},p={proof}".encode()).decode())
    if answer.get("v") != base64.b64encode(_server_signature(name, salted, signed)).decode():
        raise LoginFailed(answer.get("e") or "the broker does not know the password either")


def _salt(fields: dict[str, str], nonce: str) -> tuple[bytes, int]:
    try:
        salt, iterations = base64.b64decode(fields["s"]), int(fields["i"])
        if not fields["r"].startswith(nonce) or not 0 < iterations <= ITERATIONS_MAX:
            raise ValueError("nonce or iterations")
    except (KeyError, ValueError) as error:
        raise LoginFailed(f"the broker speaks no SCRAM that we know: {error}") from error
    return salt, iterations


def _proof(name: str, salted: bytes, signed: bytes) -> bytes:
    client_key = hmac.digest(salted, b"Client Key", name)
    signature = hmac.digest(hashlib.new(name, client_key).digest(), signed, name)
    return bytes(a ^ b for a, b in zip(client_key, signature, strict=True))


def _server_signature(name: str, salted: bytes, signed: bytes) -> bytes:
    return hmac.digest(hmac.digest(salted, b"Server Key", name), signed, name)


def _fields(text: str) -> dict[str, str]:
    return {part[0]: part[2:] for part in text.split(",") if part[1:2] == "="}
