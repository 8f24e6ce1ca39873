"""Kafka's protocol, as brokers of the 4.x line speak it."""
