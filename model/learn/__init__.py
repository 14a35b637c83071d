"""Facts in, a delta and a report out: sparse memory finetuning (Lin et al. 2025, https://arxiv.org/abs/2510.15103).

job.py             learn(): the facts of a job, one behind the other, and what became of each
wording.py         a fact as few good questions, and the probe that is not among them
plain_question.py  the plainest question that a statement answers
rephrasing.py      questions that another model writes, read strictly
neighbours.py      questions near a fact that were not taught
passes.py          what the frozen base says at chosen places of texts
choose.py          access counts, TF-IDF, the top t slots
keys.py            what opens a fact: thresholds, and words that must be asked
values.py          the value of a token, trained until the token wins
change.py          the rows of one fact
gate.py            what a version does to that which was never taught
"""
