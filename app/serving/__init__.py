"""Where database and engine meet: what is live in PostgreSQL is what the engine answers with.

serving.py    Serving: admits what callers ask, tells whether it can
relay.py      what the engine's thread says, brought to the event loop
ending.py     a dead engine ends the process
head.py       what is live, and for how long that holds while the database is away
views.py      brings versions up from their deltas, and never one in the wrong state
instruments.py  what this process measures of itself
follower.py   the thread: shows that the engine lives, follows the head, acknowledges versions
"""

from app.serving.ending import ends_the_process
from app.serving.relay import Feed, Relay
from app.serving.serving import Ask, Readiness, Serving

__all__ = ["Ask", "Feed", "Readiness", "Relay", "Serving", "ends_the_process"]
