"""The language model as it came: where it comes from, how it is asked, and the hooks of the memory beside it."""
