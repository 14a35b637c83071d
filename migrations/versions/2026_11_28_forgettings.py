"""Jobs forget facts, and it is kept which facts each of them was to forget and has.

Date: 2026-11-28
"""

from alembic import op

revision = "0005"
down_revision = "0004"

CHANGES = """
CREATE TABLE forgettings (
    fact_id bigint NOT NULL,
    job_id bigint NOT NULL,
    named boolean NOT NULL,
    gone boolean DEFAULT false NOT NULL,
    CONSTRAINT pk_forgettings PRIMARY KEY (fact_id, job_id),
    CONSTRAINT fk_forgettings_fact_id FOREIGN KEY (fact_id) REFERENCES facts (id),
    CONSTRAINT fk_forgettings_job_id FOREIGN KEY (job_id) REFERENCES jobs (id)
);
CREATE INDEX ix_forgettings_job_id ON forgettings (job_id);

ALTER TABLE jobs DROP CONSTRAINT ck_jobs_kind;
ALTER TABLE jobs ADD CONSTRAINT ck_jobs_kind CHECK (kind IN ('learn', 'forget', 'relearn'));
"""

# The old schema has no word for what is forgotten: where that is live now the fact reads as failed, with the reason.
BACK = """
WITH RECURSIVE line AS (
    SELECT live_version AS id FROM heads
    UNION SELECT parent_id FROM versions JOIN line USING (id) WHERE parent_id IS NOT NULL
)
UPDATE facts SET state = 'failed', reason = 'forgotten by job ' || jobs.id
FROM forgettings JOIN jobs ON jobs.id = forgettings.job_id
WHERE forgettings.gone AND forgettings.fact_id = facts.id AND jobs.version_id IN (SELECT id FROM line);

UPDATE versions SET state = 'superseded' WHERE kind = 'forget' AND state = 'ready';
UPDATE jobs SET state = 'failed', error = 'the schema went back to one that forgets nothing'
WHERE kind = 'forget' AND state IN ('queued', 'running', 'verifying');
UPDATE jobs SET kind = 'learn' WHERE kind = 'forget';
ALTER TABLE jobs DROP CONSTRAINT ck_jobs_kind;
ALTER TABLE jobs ADD CONSTRAINT ck_jobs_kind CHECK (kind IN ('learn', 'relearn'));
DROP TABLE forgettings;
"""


def upgrade() -> None:
    op.execute(CHANGES)


def downgrade() -> None:
    op.execute(BACK)
