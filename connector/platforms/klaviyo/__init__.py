"""Klaviyo: profiles, lists, and tags as values of a property.

Owns: its API. Must not: decide what to send, call an endpoint that subscribes.
"""
