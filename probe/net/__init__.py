"""Addresses, names and connected byte streams."""
