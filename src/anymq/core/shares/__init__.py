"""Share groups: consumers that share the messages of queues and topics, each settled by itself.

At a queue a member is a consumer beside all others. At a topic the group has a settlement of its
own for each partition, by the same code and in the same journal as those of queues.
"""
