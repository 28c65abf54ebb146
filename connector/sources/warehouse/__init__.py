"""Tables of an engine in the place of files.

Owns: connecting and reading. Must not: know a rule.
"""
