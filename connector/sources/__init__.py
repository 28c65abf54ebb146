"""Exports and tables: found, read, typed, cleaned.

Owns: from files to one row per person. Must not: know a segment or a platform.
"""
