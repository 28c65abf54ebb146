"""The words of `sync preview`: one document, as JSON, as text and as a page.

Owns: these forms; text and page are made of the JSON document. Must not: evaluate, or show an address.
"""
