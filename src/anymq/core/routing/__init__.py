"""Routing: exchanges, their types, and the bindings by which messages find queues."""
