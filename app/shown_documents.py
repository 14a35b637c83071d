"""Documents on a terminal: how much of one was read, its facts, and what was not read; or JSON for programs."""

from app.client.documents import Document, ForgottenDocument, Rehearsed, Sending, Unread, WholeDocument
from app.client.results import Page
from app.shown import Shown


class ShownDocuments(Shown):
    """Where results of calls for documents go."""

    def sent(self, sent: Sending) -> None:
        """The numbers under which to find a document."""
        if self._as_json:
            return self._json(sent)
        return self._say(
            f"document {sent.document.id} is {sent.document.status}; job {sent.job.id} is {sent.job.state}"
        )

    def rehearsed(self, told: Rehearsed) -> None:
        """What the rules would read."""
        if self._as_json:
            return self._json(told)
        self._say(f"{told.sentences:,} sentences, {len(told.facts):,} facts; nothing was stored")
        self._rows(
            ("from", "to", "verdict", "asked"),
            ((one.start, one.end, one.verdict, " · ".join(one.questions)) for one in told.facts),
        )
        return self._unread(told.unread)

    def whole(self, document: WholeDocument) -> None:
        """The facts of a document and what was not read; its text stays out."""
        if self._as_json:
            return self._json(document)
        why = f": {document.reason}" if document.reason else ""
        self._say(f"document {document.id} of {document.source} is {document.status}{why}")
        self._rows(
            ("fact", "status", "from", "to", "says"),
            (
                (one.id, one.status, one.start, one.end, one.statement or f"{one.question} {one.answer}")
                for one in document.fact_list
            ),
        )
        return self._unread(document.unread_list)

    def page(self, page: Page[Document]) -> None:
        """A page of documents."""
        rows = (
            (one.id, one.status, one.source, one.characters, one.facts, one.unread, one.created_at)
            for one in page.items
        )
        self._page(page, ("document", "status", "source", "characters", "facts", "unread", "since"), rows)

    def forgotten(self, forgotten: ForgottenDocument) -> None:
        """What is forgotten with a document."""
        if self._as_json:
            return self._json(forgotten)
        jobs = ", ".join(f"job {job.id} is {job.state}" for job in forgotten.jobs) or "no fact of it was live"
        return self._say(f"document {forgotten.document} is forgotten with {len(forgotten.facts):,} facts; {jobs}")

    def _unread(self, parts: tuple[Unread, ...]) -> None:
        if parts:
            self._rows(
                ("from", "to", "not read because", "text"),
                ((one.start, one.end, one.reason, " ".join(one.text.split())[:60]) for one in parts),
            )
