"""Messages looked at where they are, searched, and moved: without consuming them."""
