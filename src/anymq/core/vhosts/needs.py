"""Needs: rights that every protocol asks for in the same way, and the HTTP API with them."""

from anymq.core.rights.permit import CONFIGURE, READ, Permit
from anymq.core.routing.topic import TOPIC
from anymq.core.vhosts.vhost import RESERVED, VirtualHost, stripped


def delete_exchange(permit: Permit, name: str) -> None:
    """Refuse who may not unmake it. What nobody may unmake, the virtual host refuses."""
    if name and not name.startswith(RESERVED):
        permit.exchange(CONFIGURE, name)


def source_of_binding(permit: Permit, vhost: VirtualHost, source: str, key: str) -> None:
    """Refuse who may not have messages of this exchange, or not those with this key."""
    source = stripped(source)
    if not source:
        return  # nobody binds to the default exchange
    permit.exchange(READ, source)
    exchange = vhost.exchanges.get(source)
    if exchange is not None and exchange.declaration.type == TOPIC:
        permit.topics(READ, source, (key,))
