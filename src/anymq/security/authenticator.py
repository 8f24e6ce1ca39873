"""Authenticator: somebody else who knows users: a directory, a database, another service.

A plugin: a class of a package of its own, see docs/how-to/write-a-plugin.md.
"""

from typing import Protocol

from anymq.security.tokens import Identity


class Authenticator(Protocol):
    """Asked about names that neither the settings nor the broker know."""

    def identify(self, name: str, password: str, host: str) -> Identity | None:
        """Say who that is, and what he may do until when; None: that is not his password.

        In a helper thread, of which there are two: it may take a while, but others wait for it.
        The rights are scopes, as tokens have them: `tag:management`, `read:<vhost>/<name>`.
        """
