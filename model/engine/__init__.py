"""The live model: one thread owns it, requests join and leave between steps. Knows versions as views, no database.

A request is bound to the view of one version when it is admitted and finishes on it. A switch changes which view
new requests get; it waits for nobody and aborts nobody.
"""

from model.engine.engine import Engine
from model.engine.generation import Answer, Citation, Generation, Piece, TokenLogprob
from model.engine.offline import Ask, Completion, generate
from model.engine.report import EngineReport
from model.engine.sampling import Sampling

__all__ = [
    "Answer",
    "Ask",
    "Citation",
    "Completion",
    "Engine",
    "EngineReport",
    "Generation",
    "Piece",
    "Sampling",
    "TokenLogprob",
    "generate",
]
