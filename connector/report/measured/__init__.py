"""What was measured: figures of segments, campaigns of platforms, results of experiments.

Owns: their words, as text, JSON and CSV. Must not: compute a figure, read a store, show an address.
"""
