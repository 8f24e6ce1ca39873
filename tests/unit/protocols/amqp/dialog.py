"""Channels without a connection: methods go in, frames come out, the test decides the rest.

one = room.client()
one >> QueueDeclare(...)            # what the client sends
one << QueueDeclareOk("q", 0, 0)    # what it has to get next
"""
