"""Dealing: who of the consumers gets which messages."""

from collections.abc import Iterator, Sequence

from anymq.core.queues.delivery import Delivery
from anymq.core.queues.subscription import Subscription


class Consumers:
    """The subscriptions of a queue: in groups of one priority, each with its own round."""

    __slots__ = ("_all", "_groups", "active", "lone", "single_active", "takes_over")

    def __init__(self, *, takes_over: bool = False) -> None:
        self._all: dict[Subscription, None] = {}
        self._groups: dict[int, list[Subscription]] = {}  # the highest first; not the parked ones
        self.single_active = False
        self.takes_over = takes_over  # does a higher priority replace the active one (quorum)?
        self.active: Subscription | None = None
        self.lone: Subscription | None = None  # the only one there is, if it takes everything

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Subscription]:
        return iter(self._all)

    def __contains__(self, subscription: Subscription) -> bool:
        return subscription in self._all

    @property
    def exclusive(self) -> bool:
        """Does one of them want to be alone?"""
        return len(self._all) == 1 and next(iter(self._all)).exclusive

    def add(self, subscription: Subscription) -> None:
        """It comes last in its round."""
        self._all[subscription] = None
        self._count()
        self._join(subscription)
        self.elect()

    def remove(self, subscription: Subscription) -> None:
        """It gets nothing any more."""
        self._all.pop(subscription, None)
        self._count()
        self._leave(subscription)
        if self.active is subscription:
            self.active = None
        self.elect()

    def _count(self) -> None:
        first = next(iter(self._all)) if len(self._all) == 1 else None
        self.lone = first if first is not None and first.selector is None else None

    def unpark(self, subscription: Subscription) -> None:
        """It has credit again; it comes last in its round. Unless it left meanwhile."""
        if subscription.parked and subscription in self._all:
            subscription.parked = False
            self._join(subscription)

    def elect(self) -> None:
        """Choose the single active consumer: by priority, then who was first."""
        if not self.single_active or not self._all:
            self.active = None
            return
        best = max(self._all, key=lambda one: one.priority)
        active = self.active
        if active is None or (
            # Who has something keeps its place: two at a time would break the order.
            self.takes_over and best.priority > active.priority and not active.unacked
        ):
            self.active = best

    def takers(self, ready: int) -> list[tuple[Subscription, int]]:
        """Return who gets the next ones, each with its credit; as many as can get one."""
        if self.single_active:
            return self._single_taker()
        for group in list(self._groups.values()):
            if takers := self._with_credit(group, ready):
                return takers
        return []

    def served(self, priority: int, count: int) -> None:
        """So many of this group had their turn: they come last now."""
        group = self._groups.get(priority)
        if group and len(group) > 1:
            turned = count % len(group)
            group[:] = group[turned:] + group[:turned]

    def _single_taker(self) -> list[tuple[Subscription, int]]:
        active = self.active
        if active is None or active.selector is not None:
            return []
        if self._is_draining(active) or (credit := active.consumer.credit) <= 0:
            return []
        return [(active, credit)]

    def _is_draining(self, active: Subscription) -> bool:
        """Is there one of a higher priority that only waits until it has nothing any more?"""
        return self.takes_over and any(one.priority > active.priority for one in self._all)

    def _with_credit(self, group: list[Subscription], ready: int) -> list[tuple[Subscription, int]]:
        found: list[tuple[Subscription, int]] = []
        broke: list[Subscription] = []
        for subscription in group:
            credit = subscription.consumer.credit
            if credit > 0:
                found.append((subscription, credit))
                if len(found) >= ready:
                    break
            else:
                broke.append(subscription)
        for subscription in broke:
            self._leave(subscription)
            subscription.parked = True
        return found if len(found) < 2 or not _share_limits(found) else [(found[0][0], 1)]

    def _join(self, subscription: Subscription) -> None:
        if subscription.selector is not None:
            return  # it chooses: see picking.py
        group = self._groups.get(subscription.priority)
        if group is None:
            group = self._groups[subscription.priority] = []
            self._groups = dict(sorted(self._groups.items(), reverse=True))
        group.append(subscription)

    def _leave(self, subscription: Subscription) -> None:
        group = self._groups.get(subscription.priority)
        if group is None or subscription.parked or subscription.selector is not None:
            return
        if subscription in group:
            group.remove(subscription)
        if not group:
            del self._groups[subscription.priority]


def _share_limits(takers: Sequence[tuple[Subscription, int]]) -> bool:
    limits = [limit for one, _ in takers if (limit := one.consumer.shares) is not None]
    return len(limits) > len({id(limit) for limit in limits})


def share(deliveries: list[Delivery], credits: Sequence[int]) -> tuple[list[list[Delivery]], int]:
    """Share them out message by message; return each one's part, and who would be the next."""
    takers = len(credits)
    rounds = -(-len(deliveries) // takers)
    if min(credits) >= rounds:
        parts = [deliveries[i::takers] for i in range(takers)]
        return parts, len(deliveries) % takers
    return _share_unevenly(deliveries, list(credits))


def _share_unevenly(
    deliveries: list[Delivery], credits: list[int]
) -> tuple[list[list[Delivery]], int]:
    parts: list[list[Delivery]] = [[] for _ in credits]
    hungry = [i for i, credit in enumerate(credits) if credit > 0]
    dealt, last = 0, -1
    while dealt < len(deliveries) and hungry:
        for i in hungry:
            if dealt == len(deliveries):
                break
            parts[i].append(deliveries[dealt])
            credits[i] -= 1
            dealt, last = dealt + 1, i
        hungry = [i for i in hungry if credits[i] > 0]
    return parts, (last + 1) % len(credits)
