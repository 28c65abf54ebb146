"""Inactive contacts: stages, win-back, archive and suppress.

Owns: the state machine and which changes follow from it. Must not: read a platform, send.
"""
