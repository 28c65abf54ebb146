"""The state of an export: missing, doubled, doubtful, misspelled.

Owns: the report. Must not: change a value.
"""
