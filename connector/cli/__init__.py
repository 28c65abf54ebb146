"""The command line.

Owns: options, output, exit codes. Must not: hold logic of a verb.
"""
