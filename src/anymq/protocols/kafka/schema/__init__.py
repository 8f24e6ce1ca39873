"""Kafka's messages: the table, the generator and what it generated."""
