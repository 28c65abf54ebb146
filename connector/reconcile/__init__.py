"""Reads platforms and brings the store up to date with them.

Owns: what is read and when: contacts, engagement, drift, the account behind a key, opt-outs right before an apply.
Must not: write to a platform, decide what follows.
"""
