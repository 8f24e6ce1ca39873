"""Drop-in forms of Apache Kafka's own tools: their names, their flags, their output."""
