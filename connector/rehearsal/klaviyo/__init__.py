"""The rehearsed Klaviyo.

Owns: its rules and answers. Must not: know the connector.
"""
