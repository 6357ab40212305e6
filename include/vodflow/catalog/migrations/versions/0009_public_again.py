"""Publications that came back, and of which other DAGs have to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    comment = "run that tells other DAGs that this job is public once more; empty while none does"
    op.add_column("publication", sa.Column("again_told_by", sa.Text(), comment=comment))
    op.create_index(
        "ix_publication_again", "publication", ["again_told_by"], postgresql_where=sa.text("again_told_by IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_publication_again", table_name="publication")
    op.drop_column("publication", "again_told_by")
