"""SPIFFE: an identity from the Workload API, and mutual TLS with it."""
