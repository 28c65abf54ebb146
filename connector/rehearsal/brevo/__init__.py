"""The rehearsed Brevo: contacts, attributes, lists, import processes, the blocklist and the hourly limits.

Facts are of 2026-11-28: developers.brevo.com/reference, its guides and changelog, and the vendor's Python client 5.1.0.
Where these say nothing, the less comfortable rule holds, and the module that has it says so.

Owns: its rules and answers. Must not: know the connector.
"""
