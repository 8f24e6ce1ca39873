"""WebSocket (RFC 6455): what browsers speak, under the sessions of other protocols."""
