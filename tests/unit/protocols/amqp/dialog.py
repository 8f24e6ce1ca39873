"""Channels without a connection: methods go in, frames come out, the test decides the rest.

    one = room.client()
    one >> QueueDeclare(...)            # what the client sends
    one << QueueDeclareOk("q", 0, 0)    # what it has to get next
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from anymq.core.errors import Refused
from anymq.core.message import Properties
from anymq.core.queues.house import House
from anymq.core.queues.line import Line
from anymq.core.queues.queue import Queue
from anymq.core.queues.turn import Turn
from anymq.core.routing.exchange import Exchange
from anymq.core.routing.types import OURS, new_router
from anymq.core.steady import Steady
from anymq.core.timers import Timers
from anymq.core.vhosts.kinds import QueueDeclaration
from anymq.core.vhosts.vhost import DEFAULT_EXCHANGES, VirtualHost
from anymq.protocols.amqp.channel import Channel
from anymq.protocols.amqp.codec import END, FRAME, METHOD
from anymq.protocols.amqp.errors import AmqpError, to_amqp
from anymq.protocols.amqp.methods import (
    BasicAck,
    BasicPublish,
    Method,
    decode,
    encode,
)
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.protocols.amqp.settings import AmqpSettings
from anymq.protocols.session import Outbox
