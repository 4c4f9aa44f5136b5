"""Slow tests: what a process that lasts for hours must survive."""
