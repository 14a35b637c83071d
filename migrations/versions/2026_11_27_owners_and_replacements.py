"""Facts replace any number of facts, slots have owners, versions of a base that was left are retired.

Date: 2026-11-27
"""

from alembic import op

revision = "0003"
down_revision = "0002"

CHANGES = """
CREATE TABLE fact_replacements (
    fact_id bigint NOT NULL,
    replaced_id bigint NOT NULL,
    CONSTRAINT pk_fact_replacements PRIMARY KEY (fact_id, replaced_id),
    CONSTRAINT fk_fact_replacements_fact_id FOREIGN KEY (fact_id) REFERENCES facts (id),
    CONSTRAINT fk_fact_replacements_replaced_id FOREIGN KEY (replaced_id) REFERENCES facts (id)
);
CREATE INDEX ix_fact_replacements_replaced_id ON fact_replacements (replaced_id);

INSERT INTO fact_replacements (fact_id, replaced_id)
SELECT id, replaces FROM facts WHERE replaces IS NOT NULL;
ALTER TABLE facts DROP COLUMN replaces;

-- The question of a bare statement was guessed by rules of English, which are gone.
UPDATE facts SET question_sha256 = NULL, answer_sha256 = NULL WHERE question IS NULL;

ALTER TABLE version_slots ADD COLUMN fact_id bigint;
ALTER TABLE version_slots
    ADD CONSTRAINT fk_version_slots_fact_id FOREIGN KEY (fact_id) REFERENCES facts (id);
UPDATE version_slots SET fact_id = taught.fact_id
FROM (SELECT version_id, min(id) AS fact_id FROM facts GROUP BY version_id HAVING count(*) = 1) AS taught
WHERE taught.version_id = version_slots.version_id;
ALTER TABLE version_slots ALTER COLUMN access_count TYPE double precision;
CREATE INDEX ix_version_slots_fact_id ON version_slots (fact_id);

ALTER TABLE jobs ADD CONSTRAINT ck_jobs_kind CHECK (kind IN ('learn', 'relearn'));
ALTER TABLE versions DROP CONSTRAINT ck_versions_state;
ALTER TABLE versions ADD CONSTRAINT ck_versions_state
    CHECK (state IN ('ready', 'published', 'rejected', 'superseded', 'retired'));
"""

BACK = """
UPDATE versions SET state = 'superseded' WHERE state = 'retired';
ALTER TABLE versions DROP CONSTRAINT ck_versions_state;
ALTER TABLE versions ADD CONSTRAINT ck_versions_state
    CHECK (state IN ('ready', 'published', 'rejected', 'superseded'));
ALTER TABLE jobs DROP CONSTRAINT ck_jobs_kind;
DROP INDEX ix_version_slots_fact_id;
ALTER TABLE version_slots DROP COLUMN fact_id;
ALTER TABLE version_slots ALTER COLUMN access_count TYPE bigint;
ALTER TABLE facts ADD COLUMN replaces bigint;
ALTER TABLE facts ADD CONSTRAINT fk_facts_replaces FOREIGN KEY (replaces) REFERENCES facts (id);
UPDATE facts SET replaces = last.replaced_id
FROM (SELECT fact_id, max(replaced_id) AS replaced_id FROM fact_replacements GROUP BY fact_id) AS last
WHERE last.fact_id = facts.id;
DROP TABLE fact_replacements;
"""


def upgrade() -> None:
    op.execute(CHANGES)


def downgrade() -> None:
    op.execute(BACK)
