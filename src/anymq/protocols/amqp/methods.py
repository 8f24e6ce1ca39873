"""Every method of AMQP 0-9-1 with RabbitMQ's extensions: declared here, coded by that.

A class is a method, its annotations are the fields in the order of the wire. The ticket, which
nobody has used since AMQP 0-8, is skipped (`ticket=True`).
"""

from anymq.protocols.amqp.method import (
    KEY as KEY,
)
from anymq.protocols.amqp.method import (
    METHODS as METHODS,
)
from anymq.protocols.amqp.method import (
    U8,
    U16,
    U32,
    U64,
    Arguments,
    Bit,
    LongText,
    ShortText,
    amqp_method,
)
from anymq.protocols.amqp.method import (
    Method as Method,
)
from anymq.protocols.amqp.method import (
    decode as decode,
)
from anymq.protocols.amqp.method import (
    encode as encode,
)
from anymq.protocols.amqp.method import (
    short_text as short_text,
)

# Connection


@amqp_method("connection.start", 10, 10)
class ConnectionStart(Method):
    """Who we are, and how one may log in."""

    version_major: U8
    version_minor: U8
    server_properties: Arguments
    mechanisms: LongText
    locales: LongText


@amqp_method("connection.start_ok", 10, 11)
class ConnectionStartOk(Method):
    """Who they are, and the first token."""

    client_properties: Arguments
    mechanism: ShortText
    response: LongText
    locale: ShortText


@amqp_method("connection.secure", 10, 20)
class ConnectionSecure(Method):
    """Another token is wanted."""

    challenge: LongText


@amqp_method("connection.secure_ok", 10, 21)
class ConnectionSecureOk(Method):
    """Another token."""

    response: LongText


@amqp_method("connection.tune", 10, 30)
class ConnectionTune(Method):
    """Our limits."""

    channel_max: U16
    frame_max: U32
    heartbeat: U16


@amqp_method("connection.tune_ok", 10, 31)
class ConnectionTuneOk(Method):
    """The limits to be used."""

    channel_max: U16
    frame_max: U32
    heartbeat: U16


@amqp_method("connection.open", 10, 40)
class ConnectionOpen(Method):
    """Which virtual host."""

    virtual_host: ShortText
    capabilities: ShortText = ""
    insist: Bit = False


@amqp_method("connection.open_ok", 10, 41)
class ConnectionOpenOk(Method):
    """It is yours."""

    known_hosts: ShortText = ""


@amqp_method("connection.close", 10, 50)
class ConnectionClose(Method):
    """The end, and why."""

    reply_code: U16
    reply_text: ShortText
    class_id: U16
    method_id: U16


@amqp_method("connection.close_ok", 10, 51)
class ConnectionCloseOk(Method):
    """Agreed."""


@amqp_method("connection.blocked", 10, 60)
class ConnectionBlocked(Method):
    """Publishing has to wait."""

    reason: ShortText


@amqp_method("connection.unblocked", 10, 61)
class ConnectionUnblocked(Method):
    """It goes on."""


@amqp_method("connection.update_secret", 10, 70)
class ConnectionUpdateSecret(Method):
    """Another password from now on."""

    new_secret: LongText
    reason: ShortText


@amqp_method("connection.update_secret_ok", 10, 71)
class ConnectionUpdateSecretOk(Method):
    """Taken."""


# Channel


@amqp_method("channel.open", 20, 10)
class ChannelOpen(Method):
    """Begin."""

    out_of_band: ShortText = ""


@amqp_method("channel.open_ok", 20, 11)
class ChannelOpenOk(Method):
    """Begun."""

    channel_id: LongText = b""


@amqp_method("channel.flow", 20, 20)
class ChannelFlow(Method):
    """Stop or go."""

    active: Bit


@amqp_method("channel.flow_ok", 20, 21)
class ChannelFlowOk(Method):
    """Stopped or gone."""

    active: Bit


@amqp_method("channel.close", 20, 40)
class ChannelClose(Method):
    """The end, and why."""

    reply_code: U16
    reply_text: ShortText
    class_id: U16
    method_id: U16


@amqp_method("channel.close_ok", 20, 41)
class ChannelCloseOk(Method):
    """Agreed."""


# Access (of AMQP 0-8; some clients still ask)


@amqp_method("access.request", 30, 10)
class AccessRequest(Method):
    """A ticket, please."""

    realm: ShortText = "/data"
    exclusive: Bit = False
    passive: Bit = True
    active: Bit = True
    write: Bit = True
    read: Bit = True


@amqp_method("access.request_ok", 30, 11)
class AccessRequestOk(Method):
    """A ticket."""

    ticket: U16 = 1


# Exchange


@amqp_method("exchange.declare", 40, 10, ticket=True)
class ExchangeDeclare(Method):
    """Make it, or see that it is there."""

    exchange: ShortText
    type: ShortText
    passive: Bit
    durable: Bit
    auto_delete: Bit
    internal: Bit
    nowait: Bit
    arguments: Arguments


@amqp_method("exchange.declare_ok", 40, 11)
class ExchangeDeclareOk(Method):
    """It is there."""


@amqp_method("exchange.delete", 40, 20, ticket=True)
class ExchangeDelete(Method):
    """Away with it."""

    exchange: ShortText
    if_unused: Bit
    nowait: Bit


@amqp_method("exchange.delete_ok", 40, 21)
class ExchangeDeleteOk(Method):
    """It is gone."""


@amqp_method("exchange.bind", 40, 30, ticket=True)
class ExchangeBind(Method):
    """From exchange to exchange."""

    destination: ShortText
    source: ShortText
    routing_key: ShortText
    nowait: Bit
    arguments: Arguments


@amqp_method("exchange.bind_ok", 40, 31)
class ExchangeBindOk(Method):
    """Bound."""


@amqp_method("exchange.unbind", 40, 40, ticket=True)
class ExchangeUnbind(Method):
    """No more from exchange to exchange."""

    destination: ShortText
    source: ShortText
    routing_key: ShortText
    nowait: Bit
    arguments: Arguments


@amqp_method("exchange.unbind_ok", 40, 51)
class ExchangeUnbindOk(Method):
    """Unbound. Its number really is 51."""


# Queue


@amqp_method("queue.declare", 50, 10, ticket=True)
class QueueDeclare(Method):
    """Make it, or see that it is there."""

    queue: ShortText
    passive: Bit
    durable: Bit
    exclusive: Bit
    auto_delete: Bit
    nowait: Bit
    arguments: Arguments


@amqp_method("queue.declare_ok", 50, 11)
class QueueDeclareOk(Method):
    """It is there, and how full."""

    queue: ShortText
    message_count: U32
    consumer_count: U32


@amqp_method("queue.bind", 50, 20, ticket=True)
class QueueBind(Method):
    """From exchange to queue."""

    queue: ShortText
    exchange: ShortText
    routing_key: ShortText
    nowait: Bit
    arguments: Arguments


@amqp_method("queue.bind_ok", 50, 21)
class QueueBindOk(Method):
    """Bound."""


@amqp_method("queue.purge", 50, 30, ticket=True)
class QueuePurge(Method):
    """Empty it."""

    queue: ShortText
    nowait: Bit


@amqp_method("queue.purge_ok", 50, 31)
class QueuePurgeOk(Method):
    """It is empty."""

    message_count: U32


@amqp_method("queue.delete", 50, 40, ticket=True)
class QueueDelete(Method):
    """Away with it."""

    queue: ShortText
    if_unused: Bit
    if_empty: Bit
    nowait: Bit


@amqp_method("queue.delete_ok", 50, 41)
class QueueDeleteOk(Method):
    """It is gone."""

    message_count: U32


@amqp_method("queue.unbind", 50, 50, ticket=True)
class QueueUnbind(Method):
    """No more from exchange to queue."""

    queue: ShortText
    exchange: ShortText
    routing_key: ShortText
    arguments: Arguments


@amqp_method("queue.unbind_ok", 50, 51)
class QueueUnbindOk(Method):
    """Unbound."""


# Basic


@amqp_method("basic.qos", 60, 10)
class BasicQos(Method):
    """How many may be unacknowledged."""

    prefetch_size: U32
    prefetch_count: U16
    global_: Bit


@amqp_method("basic.qos_ok", 60, 11)
class BasicQosOk(Method):
    """So be it."""


@amqp_method("basic.consume", 60, 20, ticket=True)
class BasicConsume(Method):
    """Send me what there is."""

    queue: ShortText
    consumer_tag: ShortText
    no_local: Bit
    no_ack: Bit
    exclusive: Bit
    nowait: Bit
    arguments: Arguments


@amqp_method("basic.consume_ok", 60, 21)
class BasicConsumeOk(Method):
    """It will come under this tag."""

    consumer_tag: ShortText


@amqp_method("basic.cancel", 60, 30)
class BasicCancel(Method):
    """No more. Also from us to them: the queue is gone."""

    consumer_tag: ShortText
    nowait: Bit


@amqp_method("basic.cancel_ok", 60, 31)
class BasicCancelOk(Method):
    """No more comes."""

    consumer_tag: ShortText


@amqp_method("basic.publish", 60, 40, ticket=True, content=True)
class BasicPublish(Method):
    """A message for an exchange."""

    exchange: ShortText
    routing_key: ShortText
    mandatory: Bit
    immediate: Bit


@amqp_method("basic.return", 60, 50, content=True)
class BasicReturn(Method):
    """It went nowhere."""

    reply_code: U16
    reply_text: ShortText
    exchange: ShortText
    routing_key: ShortText


@amqp_method("basic.deliver", 60, 60, content=True)
class BasicDeliver(Method):
    """A message for a consumer."""

    consumer_tag: ShortText
    delivery_tag: U64
    redelivered: Bit
    exchange: ShortText
    routing_key: ShortText


@amqp_method("basic.get", 60, 70, ticket=True)
class BasicGet(Method):
    """One message, if there is one."""

    queue: ShortText
    no_ack: Bit


@amqp_method("basic.get_ok", 60, 71, content=True)
class BasicGetOk(Method):
    """Here it is."""

    delivery_tag: U64
    redelivered: Bit
    exchange: ShortText
    routing_key: ShortText
    message_count: U32


@amqp_method("basic.get_empty", 60, 72)
class BasicGetEmpty(Method):
    """There is none."""

    cluster_id: ShortText = ""


@amqp_method("basic.ack", 60, 80)
class BasicAck(Method):
    """Done. From us: it is safe."""

    delivery_tag: U64
    multiple: Bit


@amqp_method("basic.reject", 60, 90)
class BasicReject(Method):
    """Not this one."""

    delivery_tag: U64
    requeue: Bit


@amqp_method("basic.recover_async", 60, 100)
class BasicRecoverAsync(Method):
    """Again from the start, without an answer."""

    requeue: Bit


@amqp_method("basic.recover", 60, 110)
class BasicRecover(Method):
    """Again from the start."""

    requeue: Bit


@amqp_method("basic.recover_ok", 60, 111)
class BasicRecoverOk(Method):
    """It comes again."""


@amqp_method("basic.nack", 60, 120)
class BasicNack(Method):
    """Not these. From us: it is not safe."""

    delivery_tag: U64
    multiple: Bit
    requeue: Bit


# Confirm, tx


@amqp_method("confirm.select", 85, 10)
class ConfirmSelect(Method):
    """Confirm what is published."""

    nowait: Bit


@amqp_method("confirm.select_ok", 85, 11)
class ConfirmSelectOk(Method):
    """From now on."""


@amqp_method("tx.select", 90, 10)
class TxSelect(Method):
    """All or nothing from now on."""


@amqp_method("tx.select_ok", 90, 11)
class TxSelectOk(Method):
    """So be it."""


@amqp_method("tx.commit", 90, 20)
class TxCommit(Method):
    """All."""


@amqp_method("tx.commit_ok", 90, 21)
class TxCommitOk(Method):
    """All of it is safe."""


@amqp_method("tx.rollback", 90, 30)
class TxRollback(Method):
    """Nothing."""


@amqp_method("tx.rollback_ok", 90, 31)
class TxRollbackOk(Method):
    """Nothing happened."""
