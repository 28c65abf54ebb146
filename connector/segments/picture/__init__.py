"""What a report shows of the segments of an evaluation: overlaps, typical values, recency against frequency.

Owns: these counts, set-wise over the Arrow table of an evaluation. Must not: evaluate, read a store, print, or hand out
an address.
"""
