"""Columns: headers, presets, types by evidence, normalised values.

Owns: what a cell means. Must not: open a file.
"""
