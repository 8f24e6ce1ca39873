"""Limits of users: how many connections and channels one may have at a time."""

from collections.abc import Mapping
from typing import Any

import msgspec

from anymq.core.catalog import Catalog, Then
from anymq.core.errors import Invalid
from anymq.core.policies.checks import wrong_limits
from anymq.core.policies.parameters import ignore
from anymq.core.rights.records import USER_LIMITS, names_in, user_limits_key

MAX_CONNECTIONS, MAX_CHANNELS = "max-connections", "max-channels"
USER_LIMIT_NAMES = (MAX_CONNECTIONS, MAX_CHANNELS)
EVERY = "all"  # what tools call all limits of a user when they take them away


class UserLimitsRecord(msgspec.Struct, frozen=True):
    """The limits of a user as they are kept. On disk: see catalog.py."""

    limits: dict[str, int]


class UserLimits:
    """Those of all users. They go with their users."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._limits: dict[str, dict[str, int]] = {}
        for key, value in catalog.values(f"{USER_LIMITS}/"):
            self._on_change(key, value)
        catalog.listen_to(USER_LIMITS, self._on_change)

    def of(self, user: str) -> Mapping[str, int]:
        """Return the limits of a user, as they were set; a negative one is none."""
        return self._limits.get(user, {})

    def limit(self, user: str, name: str) -> int | None:
        """Return a limit that holds; None: there is none."""
        limit = self.of(user).get(name, -1)
        return limit if limit >= 0 else None

    def put(self, user: str, limits: Any, then: Then = ignore) -> None:
        """Set some limits; the others stay."""
        if errors := wrong_limits("user-limits", limits, USER_LIMIT_NAMES):
            raise Invalid(errors[0])
        self._keep(user, {**self.of(user), **limits}, then)

    def clear(self, user: str, name: str, then: Then = ignore) -> None:
        """Take a limit away, or all of them; one that is not there is as good."""
        left = {key: value for key, value in self.of(user).items() if name not in (key, EVERY)}
        self._keep(user, left, then)

    def _keep(self, user: str, limits: dict[str, int], then: Then) -> None:
        record = UserLimitsRecord(limits) if limits else None
        self._catalog.change({user_limits_key(user): record}, then)

    def _on_change(self, key: str, value: bytes | None) -> None:
        (user,) = names_in(key)
        if value is None:
            self._limits.pop(user, None)
        else:
            self._limits[user] = _RECORD.decode(value).limits


_RECORD = msgspec.json.Decoder(UserLimitsRecord)
