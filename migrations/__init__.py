"""The history of the database schema; `app.db.migrate` runs it."""
