from tests.services.conftest import session, sessions

__all__ = ["session", "sessions"]  # fixtures that are the same here
