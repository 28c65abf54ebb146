"""The documentation site: what MkDocs needs beside docs/.

Owns: the generated reference, pages made of files outside docs/, the look. Must not: hold text that people write; that
is docs/.
"""
