"""Other brokers of MQTT as ends of shovels: a bridge."""
