"""One segment looked at before it is sent: how many, by which conditions, and who, masked.

Owns: the funnel of a rule, the sample. Must not: know the ledger or a platform, print.
"""
