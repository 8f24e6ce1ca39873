"""Queues: logs with settlement; each message to one consumer until it is settled."""
