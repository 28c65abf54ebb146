"""Ledger, journal, runs, leases: on SQLite, PostgreSQL or in a bucket.

Owns: every statement about the state. Must not: send, know a plan beyond its tables.
"""
