"""The live model: one thread owns it, requests join and leave between steps. Knows versions as views, no database.

A request is bound to the view of one version when it is admitted and finishes on it. A switch changes which view
new requests get; it waits for nobody and aborts nobody.
"""

from model.engine.engine import Engine, EngineReport
from model.engine.generation import Answer, Generation, Piece, TokenLogprob
from model.engine.offline import Completion, Prompt, generate, tokenize
from model.engine.sampling import Sampling

__all__ = [
    "Answer",
    "Completion",
    "Engine",
    "EngineReport",
    "Generation",
    "Piece",
    "Prompt",
    "Sampling",
    "TokenLogprob",
    "generate",
    "tokenize",
]
