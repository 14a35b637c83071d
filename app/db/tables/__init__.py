"""The tables, and nothing but the tables: what PostgreSQL keeps is the truth of the service.

`migrations/` creates them; a test compares the two. The rules that move rows from state to state are in
`app/services/`.
"""

from app.db.tables.base import (
    BASE_VERSION,
    MAIN,
    MAX_ID,
    UNDECIDED,
    UNFINISHED,
    Base,
    FactState,
    JobKind,
    JobState,
    Json,
    Role,
    VersionKind,
    VersionState,
)
from app.db.tables.documents import Document, DocumentFact
from app.db.tables.engines import Acknowledgement, EngineRow
from app.db.tables.facts import Fact, FactReplacement, Forgetting
from app.db.tables.heads import Activation, Alias, AliasChange, Head
from app.db.tables.jobs import Job, JobEvent, Pause
from app.db.tables.keys import ApiKey, AuditEntry, Call
from app.db.tables.namespaces import Namespace
from app.db.tables.statistics import SlotStatistics, TrafficRow
from app.db.tables.versions import Anchor, AnchorPart, Version, VersionSlot
from app.db.tables.webhooks import Delivery, DeliveryState, Webhook

__all__ = [
    "BASE_VERSION",
    "MAIN",
    "MAX_ID",
    "UNDECIDED",
    "UNFINISHED",
    "Acknowledgement",
    "Activation",
    "Alias",
    "AliasChange",
    "Anchor",
    "AnchorPart",
    "ApiKey",
    "AuditEntry",
    "Base",
    "Call",
    "Delivery",
    "DeliveryState",
    "Document",
    "DocumentFact",
    "EngineRow",
    "Fact",
    "FactReplacement",
    "FactState",
    "Forgetting",
    "Head",
    "Job",
    "JobEvent",
    "JobKind",
    "JobState",
    "Json",
    "Namespace",
    "Pause",
    "Role",
    "SlotStatistics",
    "TrafficRow",
    "Version",
    "VersionKind",
    "VersionSlot",
    "VersionState",
    "Webhook",
]
