"""Dialects: all there are, by their names."""

from collections.abc import Mapping

from anymq.protocols.stomp.activemq import ACTIVEMQ
from anymq.protocols.stomp.dialect import RABBITMQ, Dialect

DIALECTS: Mapping[str, Dialect] = {one.name: one for one in (RABBITMQ, ACTIVEMQ)}
