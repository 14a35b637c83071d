"""A job and a move of the head keep the span that they began in, so that other processes join its trace.

Date: 2026-11-28
"""

from alembic import op

revision = "0008"
down_revision = "0007"

CHANGES = """
ALTER TABLE jobs ADD COLUMN traceparent text;
ALTER TABLE activations ADD COLUMN traceparent text;
"""

BACK = """
ALTER TABLE activations DROP COLUMN traceparent;
ALTER TABLE jobs DROP COLUMN traceparent;
"""


def upgrade() -> None:
    op.execute(CHANGES)


def downgrade() -> None:
    op.execute(BACK)
