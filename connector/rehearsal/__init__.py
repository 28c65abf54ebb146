"""The platforms as local, stateful servers with the real rules, limits and failures.

Owns: what they answer. Must not: import anything of the connector but connector/vendors, the public facts.
"""
