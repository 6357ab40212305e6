"""The shared rate of submissions to MediaConvert; earlier versions made this table themselves, when they needed it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLE = "mediaconvert_submission_rate"


def upgrade() -> None:
    # It keeps times of a few seconds ago at most: nothing is lost with the old one.
    op.execute(f"DROP TABLE IF EXISTS {_TABLE}")
    op.create_table(
        _TABLE,
        sa.Column(
            "key", sa.Text(), nullable=False, comment="what has one quota: connection or account, Region, endpoint"
        ),
        sa.Column(
            "free_at",
            sa.Double(),
            nullable=False,
            comment="when the next job may be submitted, seconds since the epoch",
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_mediaconvert_submission_rate")),
        comment="the shared rate of submissions to MediaConvert, where the settings ask for it",
    )


def downgrade() -> None:
    op.drop_table(_TABLE)
