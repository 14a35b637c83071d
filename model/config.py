"""The numbers of the memory and of learning: small frozen dataclasses, checked on construction."""

from dataclasses import dataclass


def _positive(owner: object, *names: str) -> None:
    for name in names:
        value = getattr(owner, name)
        if value <= 0:
            raise ValueError(f"{type(owner).__name__}.{name} is {value}; it must be above 0")


def _share(owner: object, *names: str) -> None:
    for name in names:
        value = getattr(owner, name)
        if not 0 <= value <= 1:
            raise ValueError(f"{type(owner).__name__}.{name} is {value}; it must be from 0 to 1")


@dataclass(frozen=True)
class MemoryConfig:
    """Shape of a memory, as its folder says it.

    what_layers     decoder layers whose feed-forward inputs tell what is asked, ascending
    whom_layers     those that tell whom it is about, ascending
    what_width      width of the half of a query that tells what is asked
    whom_width      width of the projected part of the half that tells whom it is about
    sketch_width    width of its other part, the sketch of the rare words of what is asked
    sketch_share    share of the sketch in the similarity of two such halves, 0 to 1
    idf_power       exponent of a word's rarity in the sketch
    earlier_turns   weight of the words of earlier turns of a conversation in the sketch, 0 to 1
    sub_keys        n, sub-keys of either half: there are n·n addresses, each a pair of a cell of either half
    ways            slots of an address: a place reads them all, and a key is written into the first that is free
    heads           H, code books of sub-keys
    top_k           K, addresses that a place reads per head
    top_t           t, addresses that are written for a key, one slot of each
    value_width     D, width of a value: the model's
    what_threshold  similarity of the halves from which on a key opens, at least; learning sets higher ones
    whom_threshold  the same of the other halves
    """

    what_layers: tuple[int, ...]
    whom_layers: tuple[int, ...]
    what_width: int
    whom_width: int
    sketch_width: int
    sketch_share: float
    idf_power: float
    earlier_turns: float
    sub_keys: int
    ways: int
    heads: int
    top_k: int
    top_t: int
    value_width: int
    what_threshold: float
    whom_threshold: float

    def __post_init__(self) -> None:
        for name in ("what_layers", "whom_layers"):
            layers = tuple(getattr(self, name))
            object.__setattr__(self, name, layers)
            if not layers or list(layers) != sorted(set(layers)) or layers[0] < 0:
                raise ValueError(f"MemoryConfig.{name} is {layers}; it must name layers in ascending order")
        _positive(self, "what_width", "whom_width", "sketch_width", "sub_keys", "ways", "heads")
        _positive(self, "top_k", "top_t", "value_width")
        _share(self, "sketch_share", "earlier_turns", "what_threshold", "whom_threshold")
        if self.top_k > self.sub_keys:
            raise ValueError(f"MemoryConfig.top_k is {self.top_k}; it must be at most sub_keys, {self.sub_keys}")
        if self.top_t > self.reads:
            raise ValueError(f"MemoryConfig.top_t is {self.top_t}; it must be at most the {self.reads} addresses read")

    @property
    def addresses(self) -> int:
        """The number of addresses."""
        return self.sub_keys * self.sub_keys

    @property
    def slots(self) -> int:
        """N, the number of slots."""
        return self.addresses * self.ways

    @property
    def reads(self) -> int:
        """Addresses that a place reads, over all heads."""
        return self.heads * self.top_k

    @property
    def key_width(self) -> int:
        """Width of a whole query or key: what, whom and sketch."""
        return self.what_width + self.whom_width + self.sketch_width


@dataclass(frozen=True)
class LearnConfig:
    """How facts are learned; see docs/method.md for where the defaults come from.

    group           facts of a job that are taught together
    max_steps       steps of a value, after which its fact counts as not learned
    learning_rate   of a step, relative to the value's norm
    margin          nats by which a taught token must beat every other one
    answer_tokens   tokens that an answer can have, its end token aside
    owner_weight    how many background queries a slot of an earlier fact counts as, in the document frequency
    traffic_weight  how many background queries a question of live traffic counts as there, while there are few
    beside          how far questions beside a fact that were not taught may raise the threshold of what is asked
    named           from where on a key with names opens, as to whom it is about
    """

    group: int = 16
    max_steps: int = 32
    learning_rate: float = 0.1
    margin: float = 4.0
    answer_tokens: int = 256
    owner_weight: float = 1_000.0
    traffic_weight: float = 20.0
    beside: float = 0.45
    named: float = 0.2

    def __post_init__(self) -> None:
        _positive(
            self, "group", "max_steps", "learning_rate", "margin", "answer_tokens", "owner_weight", "traffic_weight"
        )
        _share(self, "beside", "named")
