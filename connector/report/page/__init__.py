"""`sync report`: one document ("connector.report/1"), and its renderers as text and as an HTML page.

Owns: the document's shape (document.py and its parts), the words, charts and style of the page. Must not: evaluate,
read a store or a platform, compute a number in a renderer, or show an address that the document does not have.

Every number is in the document once. Text and page print what is there; nothing is rounded or added up on the way.
"""
