"""API keys: shown once, kept as a hash, ordered by role."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from app.errors import InvalidInput, KeyRejected, RoleTooLow
from app.services import keys


def test_a_key_is_recognised_and_its_plain_text_is_nowhere(session):
    key, plain = keys.create(session, "laptop", "operator")
    assert plain.startswith("sw_")
    assert len(plain) == 46
    assert keys.authenticate(session, plain).id == key.id
    assert plain.removeprefix("sw_") not in str(session.execute(text("SELECT * FROM api_keys")).all())


@pytest.mark.parametrize("wrong", ["", "sw_", "sw_unknown", "a\x00b", "\ud800", "é" * 9_000])
def test_anything_else_is_rejected(session, wrong):
    keys.create(session, "laptop", "admin")
    with pytest.raises(KeyRejected):
        keys.authenticate(session, wrong)


def test_a_revoked_key_is_rejected(session):
    key, plain = keys.create(session, "laptop", "admin")
    key.revoked_at = datetime.now(UTC)
    session.commit()
    with pytest.raises(KeyRejected):
        keys.authenticate(session, plain)


def test_a_role_allows_what_the_lower_ones_allow(session):
    for held in keys.ROLES:
        key, _ = keys.create(session, held, held)
        for needed in keys.ROLES:
            if keys.ROLES.index(needed) <= keys.ROLES.index(held):
                keys.require(key, needed)
            else:
                with pytest.raises(RoleTooLow, match=f"needs the role {needed}; .* role {held}"):
                    keys.require(key, needed)


def test_a_key_needs_a_name_and_a_known_role(session):
    with pytest.raises(InvalidInput, match="name: 0 characters"):
        keys.create(session, "", "reader")
    with pytest.raises(InvalidInput, match="role: 'king'"):
        keys.create(session, "laptop", "king")
    assert not keys.exists(session)
    keys.create(session, "laptop", "reader")
    assert keys.exists(session)
