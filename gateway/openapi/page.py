"""How do people read the description?  One page without scripts, made of the same document."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b2733}
h2{margin-top:2.5rem;border-bottom:1px solid #d5dde5}details{border:1px solid #d5dde5;border-radius:6px;
margin:.5rem 0;padding:.4rem .8rem}summary{cursor:pointer}code{background:#f1f4f7;padding:.1em .3em;
border-radius:3px}b.verb{display:inline-block;min-width:4.2em;color:#0b6b62}table{border-collapse:collapse}
td{padding:.15rem .8rem .15rem 0;vertical-align:top}nav a{margin-right:1rem}
@media (prefers-color-scheme:dark){body{background:#10171e;color:#dbe4ec}details,h2{border-color:#33414e}
code{background:#1d2833}b.verb{color:#5fd0c3}a{color:#8fc7ff}}
"""


def page(document: Mapping[str, Any]) -> str:
    """Return the document as HTML: a section for each tag, an entry for each operation."""
    return "".join(_parts(document))


def _parts(document: Mapping[str, Any]) -> Iterator[str]:
    info = document["info"]
    title = escape(f"{info['title']} {info['version']}")
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}: HTTP API</title>'
    yield f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
    yield f"<h1>{title}</h1><p>{escape(info['summary'])}</p>"
    yield '<p>For machines: <a href="/api/openapi.json">OpenAPI 3.1</a>.</p><nav>'
    for tag in document["tags"]:
        yield f'<a href="#{escape(tag["name"])}">{escape(tag["name"])}</a>'
    yield "</nav>"
    for tag in document["tags"]:
        yield f'<h2 id="{escape(tag["name"])}">{escape(tag["name"])}</h2><p>{escape(tag["description"])}</p>'
        for path, verbs in document["paths"].items():
            for verb, operation in verbs.items():
                if tag["name"] in operation["tags"]:
                    yield from _operation(path, verb, operation)
    yield "</html>\n"


def _operation(path: str, verb: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f'<details><summary><b class="verb">{verb.upper()}</b> <code>{escape(path)}</code> '
    yield f"{escape(operation['summary'])}</summary>"
    if text := operation.get("description"):
        yield f"<p>{escape(text)}</p>"
    yield "<table>"
    for one in operation["parameters"]:
        yield f"<tr><td><code>{escape(one['name'])}</code></td><td>{one['in']}</td>"
        yield f"<td>{escape(one.get('description', ''))}</td></tr>"
    yield "</table>"
    if body := operation.get("requestBody"):
        yield f"<p>Body: {', '.join(f'<code>{escape(kind)}</code>' for kind in body['content'])}</p>"
    answers = (f"<code>{status}</code> {escape(one['description'])}" for status, one in _sorted(operation))
    yield f"<p>Answers: {', '.join(answers)}</p></details>"


def _sorted(operation: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return sorted(operation["responses"].items())
