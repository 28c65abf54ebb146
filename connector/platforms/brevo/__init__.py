"""Brevo: contacts, lists, and tags inside a text attribute; the blocklist is the opt-out.

`adapter.py` is the class, `facts.py` what the core acts on, `client.py` the requests, `wire.py` values and shapes,
`proof.py` who is still held before an import, `jobs.py` what became of one, `errors.py` what an answer means.

Owns: its API. Must not: decide what to send.
"""
