"""HTTP, and nothing but HTTP: every route parses, calls one service, and returns what it gave.

deps.py      what routes ask for: a session, settings, a key with a role
keyring.py   recognises API keys, also while the database is away
bodies.py    what callers send, read strictly
schemas.py   what callers get, with examples
errors.py    one table from our errors to status codes; every error is a problem document
limits.py    how long a body may be
facts.py jobs.py query.py versions.py health.py   one module a resource
"""
