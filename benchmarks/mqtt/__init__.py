"""MQTT: ours and mosquitto."""
