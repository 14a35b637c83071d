"""Configurations refuse what cannot work, and name the value and the limit."""

import pytest

from model.config import FinetuneConfig, MemoryConfig


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": ()}, r"layers is \(\)"),
        ({"layers": (3, 1)}, r"layers is \(3, 1\)"),
        ({"heads": 0}, "heads is 0; it must be above 0"),
        ({"top_k": 300}, "top_k is 300; it must be at most sub_keys, 256"),
        ({"placement": "above"}, "placement is 'above'"),
    ],
)
def test_memory_config_names_value_and_limit(change, message):
    with pytest.raises(ValueError, match=message):
        MemoryConfig(**{"layers": (1,), **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"top_t": 0}, "top_t is 0"),
        ({"optimizer": "adamw"}, "optimizer is 'adamw'"),
        ({"anchors": -1}, "anchors is -1; it must be at least 0"),
        ({"volume": -1.0}, "volume is -1.0; it must be at least 0"),
    ],
)
def test_finetune_config_names_value_and_limit(change, message):
    with pytest.raises(ValueError, match=message):
        FinetuneConfig(**change)


def test_slots_are_all_pairs_of_sub_keys():
    assert MemoryConfig(layers=(1,), sub_keys=7, top_k=3).slots == 49
