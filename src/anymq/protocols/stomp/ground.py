"""Ground: what the parts of one conversation share."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anymq.core.broker import Broker
from anymq.core.rights.permit import Permit
from anymq.core.vhosts.vhost import VirtualHost
from anymq.protocols.stomp.settings import StompSettings
from anymq.protocols.stomp.wire import Wire

if TYPE_CHECKING:
    from anymq.protocols.stomp.dialect import Dialect


@dataclass(slots=True, eq=False)
class Ground:
    """Where a client is, what it may do, and how it is answered."""

    broker: Broker
    vhost: VirtualHost
    permit: Permit
    wire: Wire
    settings: StompSettings  # as of when it came
    session_id: str
    dialect: "Dialect"
    client_id: str  # as it calls itself; "": it does not
    owner: object  # who its exclusive queues belong to
    declared: set[str] = field(default_factory=set)  # queues that it has made sure of
