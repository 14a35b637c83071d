"""Anchors, what engines tell of themselves, rollbacks that end running requests; slots have no owners any more.

Date: 2026-11-22
"""

from alembic import op

revision = "0002"
down_revision = "0001"

CHANGES = """
CREATE TABLE anchors (
    version_id bigint NOT NULL,
    parts bigint NOT NULL,
    bytes bigint NOT NULL,
    sha256 text NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_anchors PRIMARY KEY (version_id),
    CONSTRAINT fk_anchors_version_id FOREIGN KEY (version_id) REFERENCES versions (id)
);

CREATE TABLE anchor_parts (
    version_id bigint NOT NULL,
    number bigint NOT NULL,
    data bytea NOT NULL,
    CONSTRAINT pk_anchor_parts PRIMARY KEY (version_id, number),
    CONSTRAINT fk_anchor_parts_version_id FOREIGN KEY (version_id) REFERENCES anchors (version_id)
);

-- Rows of numbers do not shrink when they are compressed, and only what is not compressed is read in slices.
ALTER TABLE versions ALTER COLUMN delta SET STORAGE EXTERNAL;
ALTER TABLE anchor_parts ALTER COLUMN data SET STORAGE EXTERNAL;

ALTER TABLE engines ADD COLUMN followed bigint DEFAULT 0 NOT NULL;
ALTER TABLE engines ADD COLUMN report jsonb;
ALTER TABLE activations ADD COLUMN abort_in_flight boolean DEFAULT false NOT NULL;
ALTER TABLE version_slots DROP COLUMN owners;
"""


def upgrade() -> None:
    op.execute(CHANGES)


def downgrade() -> None:
    op.execute("ALTER TABLE version_slots ADD COLUMN owners bigint DEFAULT 1 NOT NULL")
    op.execute("ALTER TABLE version_slots ALTER COLUMN owners DROP DEFAULT")
    op.execute("ALTER TABLE activations DROP COLUMN abort_in_flight")
    op.execute("ALTER TABLE engines DROP COLUMN followed, DROP COLUMN report")
    op.execute("ALTER TABLE versions ALTER COLUMN delta SET STORAGE EXTENDED")
    op.execute("DROP TABLE anchor_parts, anchors")
