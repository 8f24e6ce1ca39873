"""The management port: metrics and health over HTTP."""
