"""One script a question; what they found is in RESULTS.md."""
