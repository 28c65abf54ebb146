"""HubSpot: contacts, static lists, and tags as options of a multi-checkbox property.

Owns: its API. Must not: decide what to send.
"""
