"""Checks: what a caller needs rights for, as a client that does the same by AMQP."""

from collections.abc import Mapping
from typing import Any

from anymq.core.errors import NotAllowed
from anymq.core.message import Message
from anymq.core.rights.permit import CONFIGURE, READ, WRITE, Permit
from anymq.core.routing.exchange import ALTERNATE
from anymq.core.routing.topic import TOPIC
from anymq.core.vhosts import needs
from anymq.core.vhosts.publishing import addressed
from anymq.core.vhosts.vhost import RESERVED, VirtualHost, stripped

DEAD_LETTER_EXCHANGE = "x-dead-letter-exchange"


def declare_exchange(permit: Permit, name: str, arguments: Mapping[str, Any]) -> None:
    """Refuse who may not declare it so. What nobody may declare, the virtual host refuses."""
    name = stripped(name)
    if not name or name.startswith(RESERVED):
        return
    permit.exchange(CONFIGURE, name)
    alternate = arguments.get(ALTERNATE)
    if isinstance(alternate, str):
        permit.exchange(READ, name)
        permit.exchange(WRITE, alternate)


def declare_queue(permit: Permit, name: str, arguments: Mapping[str, Any]) -> None:
    """Refuse who may not declare it so."""
    permit.queue(CONFIGURE, stripped(name))
    dead_letters = arguments.get(DEAD_LETTER_EXCHANGE)
    if isinstance(dead_letters, str):
        permit.queue(READ, stripped(name))
        permit.exchange(WRITE, dead_letters)


def bind(
    permit: Permit, vhost: VirtualHost, source: str, destination: str, key: str, to_exchange: bool
) -> None:
    """Refuse who may not bind these, or unbind them."""
    check = permit.exchange if to_exchange else permit.queue
    check(WRITE, stripped(destination))
    needs.source_of_binding(permit, vhost, source, key)


def publish(permit: Permit, vhost: VirtualHost, message: Message) -> None:
    """Refuse who may not publish this, there, in this name."""
    name = message.envelope.exchange
    permit.exchange(WRITE, name)
    exchange = vhost.exchanges.get(name)
    if exchange is not None and exchange.declaration.type == TOPIC and permit.has_topics:
        permit.topics(WRITE, name, addressed(message)[0])
    claimed = message.read().user_id
    if claimed is not None and claimed != permit.user and not permit.may_pose:
        raise NotAllowed(
            f"user_id property set to '{claimed}' but authenticated user was '{permit.user}'"
        )
