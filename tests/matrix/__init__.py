"""Every way to write to a platform, against everything that may happen there between its plan and its first request.

Owns: the entry points (entries.py), what others do meanwhile (events.py), and what must hold at the end. A new entry
point gets a function in entries.py; test_entries.py fails while a command that writes has none.
"""
