"""What callers' questions read is counted, by address; what happened to a slot is found by its number.

Date: 2026-11-28
"""

from alembic import op

revision = "0013"
down_revision = "0012"

CHANGES = """
CREATE TABLE slot_statistics (
    fingerprint text NOT NULL,
    address bigint NOT NULL,
    reads bigint NOT NULL,
    CONSTRAINT pk_slot_statistics PRIMARY KEY (fingerprint, address)
);
CREATE TABLE traffic (
    fingerprint text NOT NULL,
    queries bigint NOT NULL,
    since timestamp with time zone DEFAULT now() NOT NULL,
    counted_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT pk_traffic PRIMARY KEY (fingerprint)
);
CREATE INDEX ix_version_slots_slot ON version_slots (slot);
"""

# The counts are gone with their tables: TF-IDF goes by the background alone there.
BACK = """
DROP INDEX ix_version_slots_slot;
DROP TABLE traffic;
DROP TABLE slot_statistics;
"""


def upgrade() -> None:
    op.execute(CHANGES)


def downgrade() -> None:
    op.execute(BACK)
