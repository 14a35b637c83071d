"""Bring a database to the schema of this code."""

from pathlib import Path

from alembic import command
from alembic.config import Config

_MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def migrate(database_url: str) -> None:
    """Run the migrations that `database_url` has not seen; processes that do so together take turns."""
    command.upgrade(configured(database_url), "head")


def configured(database_url: str) -> Config:
    """What Alembic is told, for its commands on a database."""
    config = Config()
    config.attributes["database_url"] = database_url
    # A per cent sign in the folder's name would be read as an interpolation.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config
