"""The verbs that the command line calls, one module per group of commands.

Owns: the order of steps. Must not: print, parse arguments, hold logic that a room could hold.
"""
