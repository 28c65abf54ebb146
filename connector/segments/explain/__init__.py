"""Why a person is in a segment or not, down to each condition.

Owns: the explanation. Must not: decide membership another way than the compiler.
"""
