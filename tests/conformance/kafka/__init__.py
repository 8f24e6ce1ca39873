"""Kafka's clients. `ANYMQ_PEER=kafka` runs the very same tests against Apache Kafka."""
