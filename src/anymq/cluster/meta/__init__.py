"""Definitions, kept durably behind get, txn and watch."""
