"""Exports that lie elsewhere: found, fetched once per command into private copies, checked.

Owns: every request for an export. Must not: look inside a file, or show a password or what follows a `?`.
"""
