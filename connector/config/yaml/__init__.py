"""YAML with places: every value knows its line and column.

Owns: strictness (no anchors, no duplicate keys) and excerpts. Must not: know a key of segments.yaml.
"""
