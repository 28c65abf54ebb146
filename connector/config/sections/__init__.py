"""The sections of segments.yaml as typed values, and what must hold between them.

Owns: models, checks across sections, codes. Must not: know how YAML is written (connector/config/yaml does).
"""
