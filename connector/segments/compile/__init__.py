"""Conditions and traits as Ibis expressions.

Owns: the meaning of each word. Must not: execute, load, explain.
"""
