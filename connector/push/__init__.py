"""Applies a run: intention, request, outcome, for each destination by itself.

Owns: order, batches, unknown outcomes, the recheck before irreversible requests. Must not: build a plan,
know a platform.
"""
