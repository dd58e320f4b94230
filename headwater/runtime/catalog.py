"""Which datasets exist right now?  The documents of topic catalog."""

from dataclasses import replace
from typing import Protocol

from headwater.domain.datasets import Dataset, decode_dataset, encode_dataset
from headwater.domain.document_log import Kind
from headwater.runtime.documents import Documents, KafkaDocuments
from headwater.runtime.kafka.producer import Producer
from headwater.runtime.settings import KafkaSettings

DATASETS: Kind[Dataset] = Kind(
    noun="dataset",
    key=lambda dataset: dataset.uid,
    name=lambda dataset: dataset.dataset_id,
    name_noun="dataset_id",
    revised=lambda dataset, revision: replace(dataset, revision=revision),
    encode=encode_dataset,
    decode=decode_dataset,
)


class Catalog(Documents[Dataset], Protocol):
    """All datasets: `get` by uid, `find` by dataset_id, `all` by dataset_id."""


class KafkaCatalog(KafkaDocuments[Dataset]):
    """The catalog topic."""

    def __init__(self, kafka: KafkaSettings, producer: Producer) -> None:
        super().__init__(DATASETS, kafka, kafka.topics.catalog, producer)
