"""The process that learns: Celery wakes it, PostgreSQL tells it what to do."""
