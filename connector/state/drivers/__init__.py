"""The databases and places behind a state.

Owns: connections, dialects, leases of files. Must not: know what a statement is for.
"""
