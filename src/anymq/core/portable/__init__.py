"""The portable form: how a topic keeps a message, so that every Kafka tool can read it.

What a message says becomes plain record headers, as text. What text cannot say goes into one
reserved header, `anymq`, the first one: where the message was published to, and its properties in
the wire form of the protocol that wrote it. Whoever reads the topic in that protocol gets them back
as they were. The reserved header carries a checksum of the plain ones: when somebody has changed
those on the way (a stream processor, a tracing library), it counts for the origin only.

What a Kafka client wrote has no such header and needs none: `RecordForm` reads its headers.
The mapping is in docs/explanation/one-model.md.
"""
