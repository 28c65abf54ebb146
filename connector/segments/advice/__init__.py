"""Advice of `sync check`: what is no error and yet worth knowing.

Owns: the questions. Must not: refuse anything.
"""
