"""The adapters: one package per platform behind one contract.

Owns: how each platform is spoken to. Must not: know a plan, a ledger or a segment.
"""
