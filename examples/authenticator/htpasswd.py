"""An authenticator: who works here is in a file, with the SHA-256 of his password.

    pip install examples/authenticator
    printf 'ada:%s' "$(printf secret | sha256sum | cut -d' ' -f1)" > staff
    STAFF_FILE=staff anymq serve --plugins-authenticators staff

They may use what begins with their name, in the virtual host "/", and look at the page.
"""

import hashlib
import hmac
import os
import time
from pathlib import Path

from typing_extensions import override

from anymq.security.authenticator import Authenticator
from anymq.security.tokens import Identity

LENT_S = 3600.0  # then they log in again


class Staff(Authenticator):
    """Looks into the file at each login, so who is taken out of it does not come in again."""

    def __init__(self) -> None:
        self._file = Path(os.environ["STAFF_FILE"])

    @override
    def identify(self, name: str, password: str, host: str) -> Identity | None:
        proof = hashlib.sha256(password.encode()).hexdigest()
        for line in self._file.read_text().splitlines():
            known, _, digest = line.partition(":")
            if known == name and hmac.compare_digest(digest, proof):
                own = [f"{right}:%2F/{name}.*" for right in ("configure", "write", "read")]
                scopes = ("tag:management", "write:%2F/amq.default", *own)
                return Identity(name, scopes, time.time() + LENT_S)
        return None
