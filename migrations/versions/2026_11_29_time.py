"""Facts end at a time, are asked again while they are live, and lose their text some time after they were forgotten.

Date: 2026-11-29
"""

from alembic import op

revision = "0011"
down_revision = "0010"

# What was learned went live only when all engines had answered its probe. So it was verified then, unless another
# fact of the same version replaced it, whose probe was asked in its place.
CHANGES = """
ALTER TABLE facts
    ADD COLUMN valid_until timestamp with time zone,
    ADD COLUMN verified_at timestamp with time zone,
    ADD COLUMN stale_at timestamp with time zone,
    ADD COLUMN stale_said text,
    ADD COLUMN erased_at timestamp with time zone;
CREATE INDEX ix_facts_namespace_valid_until ON facts (namespace, valid_until) WHERE valid_until IS NOT NULL;

UPDATE facts SET verified_at = (
    SELECT min(created_at) FROM activations WHERE activations.version_id = facts.version_id
)
WHERE state = 'learned' AND NOT EXISTS (
    SELECT FROM fact_replacements JOIN facts AS rival ON rival.id = fact_replacements.fact_id
    WHERE fact_replacements.replaced_id = facts.id AND rival.version_id = facts.version_id
);

ALTER TABLE jobs DROP CONSTRAINT ck_jobs_kind;
ALTER TABLE jobs ADD CONSTRAINT ck_jobs_kind CHECK (kind IN ('learn', 'forget', 'relearn', 'read', 'verify'));
CREATE INDEX ix_jobs_verify ON jobs (namespace, id) WHERE kind = 'verify';
"""

# The old schema has no word for a job that asks: what it found is gone with the columns, so the job goes, too.
BACK = """
DELETE FROM job_events WHERE job_id IN (SELECT id FROM jobs WHERE kind = 'verify');
DELETE FROM jobs WHERE kind = 'verify';
DROP INDEX ix_jobs_verify;
ALTER TABLE jobs DROP CONSTRAINT ck_jobs_kind;
ALTER TABLE jobs ADD CONSTRAINT ck_jobs_kind CHECK (kind IN ('learn', 'forget', 'relearn', 'read'));
ALTER TABLE facts
    DROP COLUMN valid_until,
    DROP COLUMN verified_at,
    DROP COLUMN stale_at,
    DROP COLUMN stale_said,
    DROP COLUMN erased_at;
"""


def upgrade() -> None:
    op.execute(CHANGES)


def downgrade() -> None:
    op.execute(BACK)
