"""Desired minus ledger for one destination.

Owns: who is added, removed, created, changed, adopted, moved and blocked, set-wise in DuckDB. Must not: read a platform
or a store, judge guards, loop over contacts. The rest of the package sees `compare.Diff` alone.
"""
