"""What an engine tells of itself with every heartbeat, so that any process can show all engines."""

from dataclasses import asdict

from app.db.tables import Json
from app.serving.views import Views
from model.engine import Engine


def report(engine: Engine, views: Views) -> Json:
    """Resident views and what they use of the table, how they were built, and requests."""
    room = engine.checkpoint.table.room()
    return {
        "views": {
            "resident": [asdict(one) for one in engine.versions.report()],
            "places": {"used": room.places, "of": room.all_places},
            "rows": {"used": room.rows, "of": room.spare_rows},
            "pages": {"used": room.pages, "of": room.all_pages},
            "builds": {
                "count": views.builds,
                "last_seconds": round(views.last_seconds, 4),
                "longest_seconds": round(views.longest_seconds, 4),
                "refused": views.refused,
            },
        },
        "requests": asdict(engine.report()),
    }
