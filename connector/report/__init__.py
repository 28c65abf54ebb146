"""What people and programs are told: one module per document, text and JSON of the same values.

Owns: the words. Must not: compute what it tells.
"""
