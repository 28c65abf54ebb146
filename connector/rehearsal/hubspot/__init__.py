"""The rehearsed HubSpot.

Owns: its rules and answers. Must not: know the connector.
"""
