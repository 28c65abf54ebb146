"""Segments declared in YAML, kept in sync with email platforms.

Owns: the version. Must not: import anything.
"""

__version__ = "0.1.0"
