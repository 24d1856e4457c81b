"""Runs for the tools of others: one module a format."""
