"""The language of rules: conditions, traits, durations, and their JSON Schema.

Owns: words, types and their reading. Must not: evaluate anything (connector/segments does).
"""
