"""What a broker is: no sockets, no clocks, no protocol."""
