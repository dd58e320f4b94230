"""What does a person read of this HTML?  Tags and comments go, the text stays, in linear time.

Not a parser: nothing is built, so nothing has to be closed or nested. What a browser shows to nobody
(comments, declarations, scripts, styles) is left out; a `<` that begins none of these stays.
"""

import re
from collections.abc import Iterator
from html import unescape

_BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "br", "caption", "dd", "div", "dl", "dt", "fieldset"),
        *(
            "figcaption",
            "figure",
            "footer",
            "form",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "header",
            "hr",
            "legend",
        ),
        *(
            "li",
            "main",
            "nav",
            "ol",
            "option",
            "p",
            "pre",
            "section",
            "summary",
            "table",
            "tbody",
            "td",
            "tfoot",
        ),
        *("th", "thead", "title", "tr", "ul"),
    }
)
_HIDDEN = {f"<{name}": re.compile(f"</{name}(?=[\\s/>])", re.IGNORECASE) for name in ("script", "style")}
_NAME = re.compile(r"</?([A-Za-z][A-Za-z0-9]{0,20})")
_TAG = re.compile(r"""<(?:[^>=]++|=\s*+"[^"]*+"|=\s*+'[^']*+'|=)*+>""")  # a `>` in quotes does not end it
_DECLARATION = re.compile(r"<[!?/]")
_BREAK = ""  # among the pieces of text: here one part ends and another one begins


def decoded(text: str) -> str:
    """Return the text with its HTML entities as characters."""
    if "&" not in text:
        return text
    try:
        return unescape(text)
    except ValueError as error:
        raise ValueError("an HTML entity has a number that is far too long") from error


def text_in_html(html: str) -> str:
    """Return the text without space around it; a space keeps apart what stands below each other."""
    pieces: list[str] = []
    apart = False
    for piece in _pieces(html):
        if piece == _BREAK:
            apart = True
            continue
        if apart and pieces and not (pieces[-1][-1].isspace() or piece[0].isspace()):
            pieces.append(" ")
        pieces.append(decoded(piece))
        apart = False
    return "".join(pieces).strip()


def _pieces(html: str) -> Iterator[str]:
    """Yield the texts between the tags, entities as they are, and breaks."""
    at, last = 0, html.rfind(">")
    well_quoted = True
    while 0 <= (start := html.find("<", at)) < last:
        if start > at:
            yield html[at:start]
        if name := _NAME.match(html, start):
            tag = _TAG.match(html, start) if well_quoted else None
            well_quoted = tag is not None  # looked for at every tag, a lost quote would cost quadratic time
            at = tag.end() if tag else html.find(">", start) + 1
            if name[1].lower() in _BLOCKS:
                yield _BREAK
            elif name[0].lower() in _HIDDEN:
                at = _start_or_end(_HIDDEN[name[0].lower()].search(html, at), html)
        elif _DECLARATION.match(html, start):
            at = _end_of_declaration(html, start)
        else:
            yield "<"
            at = start + 1
    if at < len(html):
        yield html[at:]


def _end_of_declaration(html: str, start: int) -> int:
    if not html.startswith("<!--", start):
        return html.find(">", start) + 1
    end = html.find("-->", start + len("<!"))
    return len(html) if end < 0 else end + len("-->")


def _start_or_end(found: re.Match[str] | None, html: str) -> int:
    return found.start() if found else len(html)
