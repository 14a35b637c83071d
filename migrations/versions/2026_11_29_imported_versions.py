"""A version can come from another installation; how its slots were chosen is not known here.

Date: 2026-11-28
"""

from alembic import op

revision = "0014"
down_revision = "0013"

CHANGES = """
ALTER TABLE versions DROP CONSTRAINT ck_versions_kind;
ALTER TABLE versions ADD CONSTRAINT ck_versions_kind CHECK (kind IN ('base', 'learn', 'forget', 'import'));
ALTER TABLE jobs DROP CONSTRAINT ck_jobs_kind;
ALTER TABLE jobs ADD CONSTRAINT ck_jobs_kind CHECK (kind IN ('learn', 'forget', 'relearn', 'read', 'verify', 'import'));
ALTER TABLE version_slots ALTER COLUMN score DROP NOT NULL;
ALTER TABLE version_slots ALTER COLUMN access_count DROP NOT NULL;
"""

# The old schema has no word for what was imported: it reads as learned here.
BACK = """
UPDATE version_slots SET score = coalesce(score, 0), access_count = coalesce(access_count, 0);
ALTER TABLE version_slots ALTER COLUMN access_count SET NOT NULL;
ALTER TABLE version_slots ALTER COLUMN score SET NOT NULL;
UPDATE jobs SET kind = 'learn' WHERE kind = 'import';
ALTER TABLE jobs DROP CONSTRAINT ck_jobs_kind;
ALTER TABLE jobs ADD CONSTRAINT ck_jobs_kind CHECK (kind IN ('learn', 'forget', 'relearn', 'read', 'verify'));
UPDATE versions SET kind = 'learn' WHERE kind = 'import';
ALTER TABLE versions DROP CONSTRAINT ck_versions_kind;
ALTER TABLE versions ADD CONSTRAINT ck_versions_kind CHECK (kind IN ('base', 'learn', 'forget'));
"""


def upgrade() -> None:
    op.execute(CHANGES)


def downgrade() -> None:
    op.execute(BACK)
