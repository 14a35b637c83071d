"""Documents into sentences that can be taught: text and Markdown, each part with its place in the text as it was sent.

blocks.py     headings, paragraphs, and what is no prose
sentences.py  a paragraph as sentences
chunks.py     paragraphs under their headings, about a thousand characters each
subjects.py   whom «it» at the beginning of a sentence means, where that is certain
statements.py sentences that the English rules read
pairs.py      questions and answers that another model writes of a chunk
reader.py     a document, from its text to what would be taught and what was not read

It knows no table and no HTTP.
"""
