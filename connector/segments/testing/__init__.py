"""Tests of rules: given people become exports, are evaluated like any export, and are compared with what is expected.

Owns: the exports of given people, the run of a test, starter tests. Must not: print, or know a platform.
"""
