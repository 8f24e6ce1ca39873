"""Queues: each message to one consumer, until it is settled."""
