"""Many facts taught one after another, by several methods under one protocol: what is learned, and what is forgotten.

Each run teaches the same facts with the same study texts to a freshly loaded checkpoint. It runs without the service.
"""
