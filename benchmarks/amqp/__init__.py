"""Against RabbitMQ: loads of AMQP 0-9-1."""
