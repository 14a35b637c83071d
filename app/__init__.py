"""The service: HTTP, rules, tables, and the place where database and engine meet."""
