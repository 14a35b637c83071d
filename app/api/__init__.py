"""HTTP, and nothing but HTTP: every route parses, calls one service, and returns what it gave.

deps.py      what routes ask for: a session, settings, a key with a role
keyring.py   recognises API keys, also while the database is away
bodies.py    what callers send, read strictly
schemas.py   what callers get, with examples
strict.py    what no call takes: half a surrogate pair, a parameter that it does not have
asking.py    what all calls that ask have in common
citations.py answers with the facts that they were read from
streams.py   server-sent events, and what happens when the client is gone
openai.py    what the calls of OpenAI's API have in common
errors.py    one table from our errors to status codes
refusals.py  the two shapes of an error: problem documents, and OpenAI's on its routes
limits.py    how long a body may be
headers.py   what a browser may make of a reply
ports.py     a port of their own for admin calls
reference.py /docs
console.py   the files of /console
watch.py     jobs that are followed: one look for all streams
records.py   a file of facts, cut into lines and rows
facts.py imports.py jobs.py query.py completions.py chat.py models.py versions.py activations.py aliases.py diffs.py
pauses.py verify.py webhooks.py keys.py own_key.py audit.py engines.py health.py   one module a resource
"""
