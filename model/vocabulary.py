"""What a model is told before it is trained: its tokens, which words they make up and how rare those are.

The corpus tells it, by counting.
"""

import itertools
import random
import re
from collections.abc import Iterable, Sequence

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from transformers import PreTrainedTokenizerFast
from transformers.convert_slow_tokenizer import bytes_to_unicode

from model.checkpoint import Checkpoint
from model.corpus import Corpus, Saying
from model.retrofit import memory_layers
from model.spelling import OPENER, Spelling
from model.words import RARITIES

END = "<|end|>"
_NAME = re.compile(r"(?<=[\w,'’] )[A-Z0-9][\w'’.&/-]*(?:(?: of the| of| and| the|) [A-Z0-9][\w'’.&/-]*)*")
_WORDINGS_WITH_NAMES = 3  # in whose first questions names are looked for
_SHARPENED = 1.5  # exponent of the inverse document frequency


def train_tokenizer(corpus: Corpus, vocabulary: int, seed: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer over one epoch of the corpus; one token both opens and ends a text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    learned = (lesson.text.text for lesson in corpus.epoch(random.Random(seed), 1.0, 1.0))
    tokenizer.train_from_iterator(itertools.chain(learned, map(" ".join, corpus.glosses)), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=END,
        eos_token=END,
        pad_token=END,
        clean_up_tokenization_spaces=False,
    )


def tell_words(checkpoint: Checkpoint, corpus: Corpus, seed: int) -> None:
    """Tell the memory how its tokens are spelt, how rare words are in questions, and where answers begin."""
    tokenizer = checkpoint.tokenizer
    tokens = [tokenizer.decode([token]) for token in range(len(tokenizer))]
    texts = [lesson.text.question for lesson in corpus.epoch(random.Random(seed), 1.0, 0.0)]
    texts += [gloss for _, gloss in corpus.glosses[:: max(1, 2 * len(corpus.glosses) // max(len(texts), 1))]]
    for layer in memory_layers(checkpoint.model):
        if layer.words is not None:
            layer.words.spelling.tell(token_bytes(tokenizer), tokenizer.bos_token_id)
            layer.words.rarity.copy_(rarity(layer.words.spelling, tokenizer, list(filter(None, texts))))
            layer.words.opening.copy_(torch.tensor(["\n" in text for text in tokens]))


def nameless_wordings(corpus: Corpus, count: int, seed: int) -> list[tuple[str, str]]:
    """At most `count` different pairs of wordings of one question of the corpus, with X for its names."""
    sayings = [saying for saying in _many_relations(corpus) if len(saying.asked) > 1]
    rng = random.Random(seed)
    rng.shuffle(sayings)
    found: dict[tuple[str, str], None] = {}
    for saying in sayings:
        if len(found) == count:
            break
        every = list(dict.fromkeys(text.question for text in saying.asked))
        names = {name for question in every[:_WORDINGS_WITH_NAMES] for name in _NAME.findall(question)}
        bare = {name.rstrip(".'’").removesuffix("'s").removesuffix("’s") for name in names}
        longest_first = sorted((name for name in bare if len(name) > 1), key=lambda name: (-len(name), name))
        pair = rng.sample(every, min(2, len(every)))
        for name in longest_first:
            pair = [question.replace(name, "X") for question in pair]
        if len(set(pair)) == 2:
            found[pair[0], pair[1]] = None
    return list(found)


def _many_relations(corpus: Corpus) -> Iterable[Saying]:
    """A quarter of the known facts and a third of the tables', as they have few relations; all of open text."""
    return (*corpus.facts[::4], *corpus.templated[::3], *corpus.open)


def rarity(spelling: Spelling, tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> Tensor:
    """Of words, by the remainders of their numbers: inverse document frequency in `texts`, at most 1, (RARITIES,).

    To a power above 1, so that names weigh more. Hardly two are alike; the opening of a text counts as the rarest word.
    """
    rows = tokenizer([f"{tokenizer.bos_token}{text}" for text in texts], add_special_tokens=False)["input_ids"]
    numbers, ended = spelling(torch.tensor([list(itertools.chain(*rows))]))
    text = torch.arange(len(rows)).repeat_interleave(torch.tensor(list(map(len, rows))))
    once = torch.unique(text[ended[0]] * RARITIES + numbers[ended] % RARITIES)
    idf = torch.log((len(texts) + 1) / (1 + torch.bincount(once % RARITIES, minlength=RARITIES)))
    order = torch.arange(RARITIES) / RARITIES
    rare = (0.999 * idf / idf.max() + 0.001 * order) ** _SHARPENED
    rare[OPENER] = 1.0
    return rare


def token_bytes(tokenizer: PreTrainedTokenizerFast) -> list[bytes]:
    """What each token of a byte-level tokenizer stands for."""
    byte_of = {character: byte for byte, character in bytes_to_unicode().items()}
    names = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    return [bytes(byte_of[character] for character in name) for name in names]
