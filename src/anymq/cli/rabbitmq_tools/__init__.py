"""Drop-in forms of RabbitMQ's own tools, over the HTTP API: what people script goes on working."""
