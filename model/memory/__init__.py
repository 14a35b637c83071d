"""Rows, versions of rows, and how a place finds the row that it reads."""
