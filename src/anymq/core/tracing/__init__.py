"""Tracing: what happened to message X, from any protocol.

A virtual host is traced by its firehose (copies of everything go to `amq.rabbitmq.trace`) and by
named traces, each of which remembers the last events that it asks for. Nothing of it outlives the
process: tracing costs time for every message, so a restart ends it.
"""
