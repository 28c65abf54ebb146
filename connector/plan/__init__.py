"""What a run would do, as a value: the difference between what segments say and the ledger.

Owns: the diff, the consent gate, guards, forecast, saved plans, undo. Must not: read a platform or a store, send.
"""
