"""The exchange types there are, by name. Others come by entry points: see wiring.py."""

from collections.abc import Mapping

from anymq.core.errors import PreconditionFailed
from anymq.core.routing import delayed
from anymq.core.routing.chance import Chance, LocalChance
from anymq.core.routing.exchange import Declaration, ExchangeType, Surroundings
from anymq.core.routing.hashing import ConsistentHash, ModulusHash
from anymq.core.routing.headers import HeadersMatch
from anymq.core.routing.history import RecentHistory
from anymq.core.routing.simple import Direct, Fanout, Missing
from anymq.core.routing.topic import Topic

ExchangeTypes = Mapping[str, type[ExchangeType]]

OURS: ExchangeTypes = {
    "direct": Direct,
    "fanout": Fanout,
    "headers": HeadersMatch,
    "topic": Topic,
    "x-consistent-hash": ConsistentHash,
    delayed.NAME: delayed.Delayed,
    "x-local-random": LocalChance,
    "x-modulus-hash": ModulusHash,
    "x-random": Chance,
    "x-recent-history": RecentHistory,
}


def new_router(
    types: ExchangeTypes, declaration: Declaration, surroundings: Surroundings
) -> ExchangeType:
    """Return what routes for an exchange declared so; refuse what makes no sense."""
    found = types.get(declaration.type)
    if found is None:
        raise PreconditionFailed(f"unknown exchange type '{declaration.type}'")
    router = found(declaration, surroundings)
    router.check()
    return router


def known_router(
    types: ExchangeTypes, declaration: Declaration, surroundings: Surroundings
) -> ExchangeType:
    """Return what routes for an exchange that was accepted once: a type may be gone since."""
    try:
        return new_router(types, declaration, surroundings)
    except PreconditionFailed:
        return Missing(declaration, surroundings)
