"""The HTTP API: RabbitMQ's paths and shapes, over the verbs of the core."""
