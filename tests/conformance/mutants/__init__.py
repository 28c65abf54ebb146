"""Adapters with a mistake of meaning, and the conformance tests that must notice each.

`python -m tests.conformance.mutants [PLATFORM…] [--mutant NAME]` runs them: changes.py makes the mistakes, table.py
says which test notices which, run.py runs and judges. A new platform gets every mutant for free.

Owns: the mistakes. Must not: change a file; a mutant lives in the process of its tests alone.
"""
