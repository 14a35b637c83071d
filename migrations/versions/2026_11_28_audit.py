"""Keys have limits and the hour of their last use, and an audit log that only grows says who changed what.

Date: 2026-11-28
"""

from alembic import op

revision = "0006"
down_revision = "0005"

CHANGES = """
ALTER TABLE api_keys
    ADD COLUMN last_used_at timestamp with time zone,
    ADD COLUMN requests_per_minute bigint,
    ADD COLUMN facts_per_day bigint;

CREATE TABLE audit (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    key_id bigint,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    reason text,
    request_id text,
    hash text NOT NULL,
    CONSTRAINT pk_audit PRIMARY KEY (id),
    CONSTRAINT fk_audit_key_id FOREIGN KEY (key_id) REFERENCES api_keys (id)
);

CREATE FUNCTION refuse_to_change_the_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log only grows: % is refused', TG_OP;
END $$;
-- For each statement, not for each row: one that finds no row is refused, too, and TRUNCATE has no rows.
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_audit_log();
"""

BACK = """
DROP TABLE audit;
DROP FUNCTION refuse_to_change_the_audit_log();
ALTER TABLE api_keys
    DROP COLUMN last_used_at,
    DROP COLUMN requests_per_minute,
    DROP COLUMN facts_per_day;
"""


def upgrade() -> None:
    op.execute(CHANGES)


def downgrade() -> None:
    op.execute(BACK)
