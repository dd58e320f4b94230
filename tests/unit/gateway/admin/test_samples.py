"""What sample records would look like under a configuration."""

from gateway.admin.samples import MAX_ROWS, preview, sample_rows, samples_of
from headwater.domain.datasets import Dataset, FieldItem, Resource
from headwater.domain.fields import configure


def dataset(bootstrap, *items):
    resource = Resource(uid="re_1", resource_id="r", title="r", params={"bootstrap": bootstrap})
    fields = tuple(
        FieldItem(uid=f"df_{n}", type=kind, params=params) for n, (kind, params) in enumerate(items)
    )
    return Dataset(uid="da_1", dataset_id="a", title="A", resources=(resource,), fields=fields)


def shown(one):
    return preview(configure(one), samples_of(one))


def test_samples_go_through_the_whole_stack():
    """Renamed, typed, ordered and without the deleted."""
    one = dataset(
        {"id": 7, "when": "2014/01/27T04:15:00", "secret": "x", "at": "48.8,2.3"},
        ("rename", {"from_name": "id", "to_name": "number"}),
        ("type", {"field": "at", "type_param": "geo_point_2d"}),
        ("delete", {"field": "secret"}),
        ("order", {"args": ["at"]}),
    )
    answer = shown(one)
    assert [field["name"] for field in answer["fields"]] == ["at", "number", "when"]
    assert answer["rows"] == [{"at": {"lon": 2.3, "lat": 48.8}, "number": 7, "when": "2014-01-27T04:15:00Z"}]
    assert answer["errors"] == []


def test_value_that_does_not_fit_is_null_and_named():
    """As it would be on its way in."""
    answer = shown(dataset([{"a": "1"}, {"a": "x"}], ("type", {"field": "a", "type_param": "int"})))
    assert answer["rows"] == [{"a": 1}, {"a": None}]
    assert answer["errors"] == [{"index": 1, "field": "a", "message": '"x" is not an integer'}] or (
        answer["errors"][0]["index"],
        answer["errors"][0]["field"],
    ) == (1, "a")


def test_texts_and_files_look_as_readers_see_them():
    """A list of texts; a file without its content; fields that a sample lacks are null."""
    file = {"content": "aGVsbG8=", "content-type": "text/plain"}
    answer = shown(dataset([{"tags": ["a", "b"]}, {"file": file}]))
    assert answer["rows"] == [
        {"tags": ["a", "b"], "file": None},
        {"tags": None, "file": {"content-type": "text/plain"}},
    ]


def test_only_the_first_rows_are_shown():
    """Twenty; the default bootstrap data, an empty object, is none."""
    assert len(sample_rows({"bootstrap": [{"a": n} for n in range(50)]})) == MAX_ROWS
    assert sample_rows({"bootstrap": {}}) == []
    assert sample_rows({}) == []
