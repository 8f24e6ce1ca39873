"""The whole broker, its disk, its network and its clients in simulated time, from one seed."""
