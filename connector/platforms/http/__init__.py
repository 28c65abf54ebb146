"""One HTTP session for all adapters: retries, limits, waiting, and keys that never come back.

Owns: what every platform needs of HTTP. Must not: know a platform.
"""
