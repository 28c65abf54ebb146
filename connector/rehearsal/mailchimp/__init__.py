"""The rehearsed Mailchimp.

Owns: its rules and answers. Must not: know the connector.
"""
