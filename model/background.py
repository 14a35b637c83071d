"""What the background corpus reads of a trained memory: how often each slot, and which places learning holds still."""

import random

import torch

from model import access
from model.checkpoint import Checkpoint
from model.corpus import Corpus
from model.reads import Reads, joined
from model.replay import Replay
from model.text import encode, pad
from model.tfidf import DocumentFrequency

_BATCH_TOKENS = 1_024  # of a batch of the background, which counts as a document


def measure_background(checkpoint: Checkpoint, corpus: Corpus, batches: int, seed: int) -> tuple[float, float]:
    """Fill in the document frequencies over `batches` of texts; returns how the base's rows are used (access.usage).

    A slot that shares a row counts for that row: rows are what is trained.
    """
    texts = corpus.background_texts(random.Random(seed))
    counts = torch.zeros(checkpoint.config.addresses, dtype=torch.uint8 if batches < 256 else torch.int32)
    kept = []
    context = checkpoint.context
    context.use(checkpoint.table.base)
    context.recording = True
    for _ in range(batches):
        encoded: list[tuple[list[int], list[bool]]] = []
        while sum(len(ids) for ids, _ in encoded) < _BATCH_TOKENS:
            encoded.append(encode(checkpoint.tokenizer, next(texts), 512))
        rows = pad(encoded, checkpoint.tokenizer.pad_token_id)
        with torch.no_grad():
            checkpoint.model.get_decoder()(input_ids=rows.ids, use_cache=False)
        slots, _ = access.count(context.reads.values(), rows.real)
        counts[slots] += 1
        kept += [checkpoint.table.beneath(reads[rows.real]).flatten() for reads in context.reads.values()]
    context.recording = False
    checkpoint.background = DocumentFrequency(counts, batches)
    return access.usage(torch.cat(kept), checkpoint.config.base_rows)


def background_reads(checkpoint: Checkpoint, corpus: Corpus, prose: int, text_limit: int, seed: int) -> Reads | None:
    """What one text of every background fact reads in front of its answer, and some prose at every token.

    Texts are cut at `text_limit` tokens.
    """
    rng, tokenizer = random.Random(seed), checkpoint.tokenizer
    texts = [rng.choice(saying.texts) for saying in corpus.background]
    texts += rng.sample(corpus.prose, min(prose, len(corpus.prose)))
    rows = sorted((encode(tokenizer, text, text_limit) for text in texts), key=lambda row: len(row[0]))
    checkpoint.context.use(checkpoint.table.base)
    parts = []
    for start in range(0, len(rows), 128):
        replay = Replay(checkpoint, pad(rows[start : start + 128], tokenizer.pad_token_id))
        parts.append(Reads(replay.addresses.flatten(1), replay.weights.flatten(1)))
    return joined(parts)
