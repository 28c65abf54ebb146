"""Files of every format as raw tables of text.

Owns: formats, encodings, finding files. Must not: judge a value.
"""
