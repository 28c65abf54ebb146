"""A test of text that the language lacks, as somebody would add it: one row of the table and one form.

`python -m tests.segments.sounds_like WORDS` is `sync WORDS` with it.
"""

from __future__ import annotations

import re

from connector.config.language import operands, words
from connector.segments.compile import text

VOWELS = "[aeiouy]"
ROW = words.Word(
    "sounds_like",
    ("text",),
    operands.TEXTS,
    "Is equal to this text, or one of these, but for its vowels.",
    "name: {sounds_like: [Meyer, Smith]}",
    elsewhere=("soundex",),
)
FORM = text.any_of(lambda name, wanted: name.re_replace(VOWELS, "") == re.sub(VOWELS, "", wanted))


def register() -> None:
    words.WORDS["sounds_like"] = ROW
    text.FORMS["sounds_like"] = FORM


if __name__ == "__main__":
    from connector.cli.process import run

    register()
    run()
