"""Sockets: listeners, connections, TLS. The only place that moves bytes."""
