"""Clients that others wrote, run against the rehearsal platforms.

Owns: `python -m tests.clients`, outside of the suite: each client in a process of its own, with nothing but its own
code between it and the rehearsal. Must not: use the connector's adapters, reach a real platform, hold tests.
"""
