"""Where database and engine meet: what is live in PostgreSQL is what the engine answers with.

serving.py    Serving: answers prompts, tells whether it can
head.py       what is live, and for how long that holds while the database is away
views.py      brings versions up from their deltas, and never one in the wrong state
follower.py   the thread: shows that the engine lives, follows the head, acknowledges versions
"""

from app.serving.serving import Readiness, Serving

__all__ = ["Readiness", "Serving"]
