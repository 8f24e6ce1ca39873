"""One module per request: its KEY, its VERSIONS, its handler."""
