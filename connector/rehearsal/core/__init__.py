"""What every rehearsal platform needs: server, world, paging, limits, faults, recording.

Owns: one world per process. Must not: know a platform.
"""
