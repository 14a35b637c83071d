from tests.services.conftest import key, session, sessions

__all__ = ["key", "session", "sessions"]  # fixtures that are the same here
