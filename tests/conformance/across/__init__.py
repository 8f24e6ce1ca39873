"""Clients of different protocols on one broker."""
