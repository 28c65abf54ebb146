"""What became of segments: their sizes and who came and went, what members did with mail, what they bought, and whether
a test is decided.

Owns: comparing an evaluation with the history, and every figure about segments. Must not: evaluate rules, read a
platform, print; people leave this room only where a function says so.
"""
