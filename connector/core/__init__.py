"""The vocabulary of all rooms.

Owns: targets, operations, statuses, outcomes, errors, events, Arrow schemas, the Plan value, and the one private,
atomic file writer. Must not: import another room, know a platform.
"""
