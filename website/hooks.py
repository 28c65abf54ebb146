"""MkDocs calls this: the pages that are not written in docs/.

Owns: adding the generated reference and the pages made of files beside docs/. Must not: hold text.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # `mkdocs build` does not, `python -m mkdocs build` does

from website import reference  # noqa: E402

BESIDE = {"changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md"}
LANGUAGES = {".yml": "yaml", ".yaml": "yaml", ".py": "python", ".sh": "sh", ".service": "ini", ".timer": "ini"}


def added() -> dict[str, str]:
    """Path below docs/ -> Markdown, of every page that docs/ does not hold."""
    beside = {page: (ROOT / file).read_text(encoding="utf-8") for page, file in BESIDE.items()}
    here = {page: re.sub(r"\]\(docs/", "](", text) for page, text in beside.items()}
    return {**reference.pages(), **here, **recipes()}


def recipes() -> dict[str, str]:
    """deploy/README.md, and each file that it links as a page that shows it."""
    folder = ROOT / "deploy"
    text = (folder / "README.md").read_text(encoding="utf-8")
    shown = {}
    for name in sorted(set(re.findall(r"\]\(([\w./-]+)\)", text))):
        if name.startswith("../"):
            continue
        file = folder / name
        language = LANGUAGES.get(file.suffix, "text" if file.name != "Dockerfile" else "dockerfile")
        page = f"{re.sub(r'[^a-z]+', '-', name.lower()).strip('-')}.md"
        shown[f"deploy/{page}"] = f"# {name}\n\n```{language}\n{file.read_text(encoding='utf-8').strip()}\n```\n"
        text = text.replace(f"]({name})", f"]({page})")
    return {"deploy/index.md": text.replace("](../docs/", "](../"), **shown}


def on_files(files: Any, config: Any) -> Any:
    from mkdocs.structure.files import File

    for path, text in added().items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """“yaml condition” tells the tests how an example is to be read; the site shows it as YAML."""
    return markdown.replace("```yaml condition", "```yaml")
