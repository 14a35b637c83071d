"""Ours beside its rivals, on the same base and the same facts: `python -m evaluation --help`.

Half of every test is never taught. Answers are generated freely, to the end token, in the same batches before and
after.
"""
