"""Presence: how many connections and channels users and virtual hosts have, of all protocols."""

from collections import Counter

from anymq.core.errors import NotAllowed
from anymq.core.policies.policies import MAX_CONNECTIONS, Policies
from anymq.core.policies.user_limits import MAX_CHANNELS, UserLimits


class Presence:
    """Whoever comes asks, then enters; whoever goes leaves, once. The texts are RabbitMQ's."""

    def __init__(self, policies: Policies, limits: UserLimits) -> None:
        self.limits = limits
        self._policies = policies
        self._by_vhost: Counter[str] = Counter()
        self._by_user: Counter[str] = Counter()
        self._channels: Counter[str] = Counter()

    def check(self, user: str, vhost: str) -> None:
        """Refuse one connection more where there are too many."""
        limit = self._policies.limit(vhost, MAX_CONNECTIONS)
        if limit is not None and self._by_vhost[vhost] >= limit:
            raise NotAllowed(
                f"access to vhost '{vhost}' refused for user '{user}': "
                f"connection limit ({limit}) is reached"
            )
        limit = self.limits.limit(user, MAX_CONNECTIONS)
        if limit is not None and self._by_user[user] >= limit:
            raise NotAllowed(
                f"connection refused for user '{user}': user connection limit ({limit}) is reached"
            )

    def enter(self, user: str, vhost: str) -> None:
        """There is a connection."""
        self._by_vhost[vhost] += 1
        self._by_user[user] += 1

    def leave(self, user: str, vhost: str) -> None:
        """It is gone."""
        _less(self._by_vhost, vhost)
        _less(self._by_user, user)

    def check_channel(self, user: str) -> None:
        """Refuse one channel more where there are too many."""
        limit = self.limits.limit(user, MAX_CHANNELS)
        if limit is not None and self._channels[user] >= limit:
            raise NotAllowed(
                f"number of channels opened for user '{user}' has reached "
                f"the maximum allowed user limit of {limit}"
            )

    def open_channel(self, user: str) -> None:
        """There is a channel."""
        self._channels[user] += 1

    def close_channel(self, user: str) -> None:
        """It is gone."""
        _less(self._channels, user)


def _less(counts: "Counter[str]", name: str) -> None:
    counts[name] -= 1
    if not counts[name]:
        del counts[name]
