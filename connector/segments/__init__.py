"""Segments and traits over loaded exports. Import evaluate.py and names.py inside a verb: they bring the engine along.

Owns: who is in a segment, and why. Must not: read a file or a platform.
"""
