"""The language model and its memory: torch and transformers, no database, no queue, no HTTP."""
