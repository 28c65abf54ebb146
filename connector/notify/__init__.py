"""What is told of an attempt without being asked: alerts, metrics, logs.

Owns: which causes an attempt has, what is said of them, and sending it. Must not: open a state, decide an exit code, or
let an address or a key leave.
"""
