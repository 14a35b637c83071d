"""The numbers of the memory and of learning: small frozen dataclasses, checked on construction."""

from dataclasses import dataclass
from typing import Literal

from model.words import PAIRS

Placement = Literal["replace", "beside"]
Readout = Literal["gated", "direct"]
Query = Literal["hidden", "words"]


def _positive(owner: object, *names: str) -> None:
    for name in names:
        value = getattr(owner, name)
        if value <= 0:
            raise ValueError(f"{type(owner).__name__}.{name} is {value}; it must be above 0")


@dataclass(frozen=True)
class MemoryConfig:
    """Shape of the memory layers of one model.

    layers       decoder layers that bear a memory layer, ascending
    placement    «replace» the feed-forward block, or stand «beside» it
    readout      «gated»: the bag times a gate, projected; «direct»: the bag times a constant gain, V the model's width
    query        «hidden»: addresses are asked by the hidden state; «words»: by the words so far, then heads and top_k
                 are 1 and the number of pairs (see words.py), and there are no keys
    heads        H, query heads of a memory layer
    top_k        K, addresses read per head
    sub_keys     n, half-keys per half and head: there are n·n addresses
    sharing      addresses that share a row of the base until they are written: the base has n·n / sharing rows
    ways         slots of an address, of which one is read: that whose key is nearest (see ways.py). Then the table has
                 as many slots again behind those that addresses have for themselves. Only for one layer whose slots
                 have keys
    key_width    width of a half-key
    value_width  V, width of a value
    intent_width I, width of the vector of what a question asks (see intent.py), which a written slot is opened by;
                 0: slots answer whatever is asked. Only where words are the query
    """

    layers: tuple[int, ...]
    placement: Placement = "replace"
    readout: Readout = "gated"
    query: Query = "hidden"
    heads: int = 4
    top_k: int = 16
    sub_keys: int = 256
    sharing: int = 1
    ways: int = 1
    key_width: int = 64
    value_width: int = 256
    intent_width: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        _positive(self, "heads", "top_k", "sub_keys", "sharing", "ways", "key_width", "value_width")
        if not self.layers or list(self.layers) != sorted(set(self.layers)) or self.layers[0] < 0:
            raise ValueError(f"MemoryConfig.layers is {self.layers}; it must name layers in ascending order")
        if self.placement not in ("replace", "beside"):
            raise ValueError(f"MemoryConfig.placement is {self.placement!r}; it must be 'replace' or 'beside'")
        if self.readout not in ("gated", "direct"):
            raise ValueError(f"MemoryConfig.readout is {self.readout!r}; it must be 'gated' or 'direct'")
        if self.query not in ("hidden", "words"):
            raise ValueError(f"MemoryConfig.query is {self.query!r}; it must be 'hidden' or 'words'")
        if self.query == "words" and (self.heads, self.top_k) != (1, PAIRS):
            raise ValueError(f"MemoryConfig has {self.heads} heads of {self.top_k}; words need 1 of {PAIRS}")
        if self.intent_width < 0 or (self.intent_width and self.query != "words"):
            raise ValueError(f"MemoryConfig.intent_width is {self.intent_width}; it must be 0 but for words, not less")
        if self.ways > 1 and not self.intent_width:
            raise ValueError(f"MemoryConfig.ways is {self.ways}; it must be 1 where slots have no keys")
        if self.ways > 1 and len(self.layers) > 1:
            raise ValueError(f"MemoryConfig.ways is {self.ways}; it must be 1 with {len(self.layers)} memory layers")
        if self.addresses % self.sharing:
            raise ValueError(f"MemoryConfig.sharing is {self.sharing}; it must divide the {self.addresses} addresses")
        if self.top_k > self.addresses:
            raise ValueError(f"MemoryConfig.top_k is {self.top_k}; it must be at most the number of addresses")
        if self.query == "hidden" and self.top_k > self.sub_keys:
            raise ValueError(f"MemoryConfig.top_k is {self.top_k}; it must be at most sub_keys, {self.sub_keys}")

    @property
    def row_width(self) -> int:
        """Width of a row: a value and, where slots are opened by what is asked, a key and its threshold."""
        return self.value_width + (self.intent_width + 1 if self.intent_width else 0)

    @property
    def base_rows(self) -> int:
        """Rows of the base."""
        return self.addresses // self.sharing

    @property
    def addresses(self) -> int:
        """The number of addresses."""
        return self.sub_keys * self.sub_keys

    @property
    def slots(self) -> int:
        """N, the number of slots."""
        return self.addresses * (2 if self.ways > 1 else 1)


@dataclass(frozen=True)
class FinetuneConfig:
    """How facts are learned; see `docs/decisions/` for where the defaults come from.

    texts           study texts of a fact, at most
    top_t           t, slots trained per fact, at most
    optimizer       «relative»: every step moves a fact's hidden states by `learning_rate` of their norm; «sgd» as in
                    the paper, with `learning_rate` in proportion to the gradient
    max_steps       steps of a fact, after which it counts as not learned
    stop_loss       mean answer loss (nats a token) at which the probe is asked
    reach           the share of a fact's change at which that loss is taken: other wordings read only some of it
    idf_power       exponent of the inverse document frequency; 0 chooses by access counts alone
    distinct        share of a fact's address that must lie in slots which few background texts read; a fact with less
                    cannot be told from others by its words, and is not learned
    anchors         places of background and earlier facts held still per fact, those that read most of its slots
    volume          how much more it costs to move a slot that the background reads as much as an average one
    group           facts of a job that are taught together
    keyed           whether a slot that a fact is the first to write opens to those alone who ask what the fact answers
    keep_unlearned  whether a fact whose probe is not answered keeps its change, as in the paper
    """

    texts: int = 16
    top_t: int = 1_000
    optimizer: Literal["relative", "sgd"] = "relative"
    learning_rate: float = 0.1
    max_steps: int = 40
    stop_loss: float = 0.4
    reach: float = 0.2
    idf_power: float = 1.0
    distinct: float = 0.05
    anchors: int = 150
    volume: float = 1.0
    group: int = 16
    keyed: bool = True
    keep_unlearned: bool = False

    def __post_init__(self) -> None:
        _positive(self, "texts", "top_t", "learning_rate", "max_steps", "stop_loss", "reach", "group")
        if self.optimizer not in ("relative", "sgd"):
            raise ValueError(f"FinetuneConfig.optimizer is {self.optimizer!r}; it must be 'relative' or 'sgd'")
        for name in ("idf_power", "distinct", "anchors", "volume"):
            if getattr(self, name) < 0:
                raise ValueError(f"FinetuneConfig.{name} is {getattr(self, name)}; it must be at least 0")
