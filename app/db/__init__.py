"""PostgreSQL: sessions, tables, migrations."""
