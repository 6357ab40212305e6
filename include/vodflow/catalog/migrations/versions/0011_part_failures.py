"""Failed attempts at parts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "job_part",
        sa.Column(
            "failures", JSONB(), server_default="[]", nullable=False, comment="attempts that made nothing, and why"
        ),
    )


def downgrade() -> None:
    op.drop_column("job_part", "failures")
