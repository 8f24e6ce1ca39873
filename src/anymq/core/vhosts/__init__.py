"""Virtual hosts: namespaces of exchanges, queues and bindings, and how messages pass through."""
