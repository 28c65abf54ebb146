"""Mailchimp: members of one audience, and tags.

Owns: its API. Must not: decide what to send.
"""
