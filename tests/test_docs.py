"""The documentation: generated pages are fresh, links lead somewhere, decisions are whole."""

import re
import tomllib
from pathlib import Path

import pytest

from headwater import docs

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs" / "adr").glob("*.md"))
SECTIONS = ["Context", "Decision", "Price", "What we rejected", "What would change our mind"]

LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")


def name_of(path: Path) -> str:
    """Return a page's path for people."""
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", docs.pages(), ids=name_of)
def test_a_generated_page_is_fresh(path):
    """Whoever changes a setting or a metric runs `python -m headwater.docs`."""
    assert path.read_text(encoding="utf-8") == docs.pages()[path], "stale: run python -m headwater.docs"


def test_every_setting_is_explained():
    """A variable without its meaning cannot be set by anybody but its author."""
    for row in docs.configuration().splitlines():
        if row.startswith("| `HEADWATER_"):
            assert all(cell.strip() for cell in (row.split("|")[1], row.split("|")[-2])), row


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_between_pages_lead_somewhere(path):
    """A file that moved takes its links along."""
    targets = [target for target in LINK.findall(path.read_text(encoding="utf-8")) if "://" not in target]

    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", DECISIONS, ids=name_of)
def test_a_decision_has_its_five_parts(path):
    """Context, decision, price, what was rejected, what would change our mind: one page."""
    text = path.read_text(encoding="utf-8")

    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    assert len(text.splitlines()) <= 80


def test_decisions_are_numbered_without_gaps():
    """A decision is superseded, never removed."""
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def test_every_dependency_has_its_reason():
    """Whoever adds a package says why, in decision 6."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["embedded"]]
    names = [re.split(r"[^A-Za-z0-9_-]", one)[0] for one in wanted]
    reasons = (ROOT / "docs" / "adr" / "0006-dependencies.md").read_text(encoding="utf-8")

    assert [name for name in names if f"`{name}`" not in reasons] == []


def test_the_glossary_is_in_order():
    """A word is looked up by its first letter; the overloaded words have their own list before."""
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    _, overloaded, words = text.split("\n## ")
    for part in (overloaded, words):
        terms = [term.lower() for term in re.findall(r"^- \*\*(.+?)\*\*", part, re.MULTILINE)]
        assert terms
        assert terms == sorted(terms)
