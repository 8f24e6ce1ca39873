"""The composition root: builds every part, starts and stops them.

Read this first: every arrow of ARCHITECTURE.md is a line here.
"""

import asyncio
import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path

from anymq.cluster.meta.embedded import EmbeddedStore
from anymq.config.load import data_dir_of
from anymq.config.model import OFF, Settings
from anymq.core.broker import Broker
from anymq.net.clock import Alarm, SystemClock
from anymq.net.disk import Disk
from anymq.net.listener import Listener, Room
from anymq.net.tls import make_context
from anymq.observability.log import Log
from anymq.protocols.kafka.api import registry
from anymq.protocols.kafka.api.fetch_sessions import FetchSessions
from anymq.protocols.kafka.session import Counters, Kafka, KafkaSession
from anymq.protocols.session import Outbox, Peer, Session
from anymq.security.users import Users
from anymq.storage.os_files import OsFiles
from anymq.storage.store import LogStore

log = Log(__name__)

TICK_SECONDS = 1.0
