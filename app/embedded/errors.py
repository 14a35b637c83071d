"""What the code around the embedded stack tells apart; every other failure is a plain `StackFailed`.

app.errors.StackFailed
├── FolderInUse     another process holds the data folder
└── ChildEnded      a child process ended although nobody asked it to
"""

from app.errors import StackFailed


class FolderInUse(StackFailed):
    """Another process holds the data folder; the message names it."""


class ChildEnded(StackFailed):
    """A child process ended by itself; the message has its status, its last words and the path of its log."""
