"""The demo: a segments.yaml and invented exports of any day, for trying the connector without data or an account.

Owns: the people, orders and email events, what `sync demo` writes, and which files it may replace. Must not: know the
rest of the connector; the demo is read like any other segments.yaml. No person is real: all live under example.com.
"""
