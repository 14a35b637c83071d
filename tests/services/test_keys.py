"""API keys: shown once, kept as a hash, ordered by role."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from sqlalchemy import text

from app.errors import InvalidInput, KeyNotFound, KeyRejected, LastAdminKey, RoleTooLow
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
    key, plain = keys.create(session, "laptop", "writer")
    keys.revoke(session, key.id)
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


def test_keys_are_listed_newest_first_and_a_revoked_one_shows_it(session):
    made = [keys.create(session, name, "reader")[0].id for name in "abc"]
    keys.revoke(session, made[1])
    first = keys.page(session, "main", None, 2)
    assert ([key.id for key in first.items], first.next_cursor) == ([made[2], made[1]], made[1])
    assert [key.revoked_at is None for key in first.items] == [True, False]
    assert [key.id for key in keys.page(session, "main", first.next_cursor, 2).items] == [made[0]]


def test_revoking_twice_is_once_and_an_unknown_key_is_told(session):
    key = keys.create(session, "laptop", "reader")[0]
    at = keys.revoke(session, key.id).revoked_at
    assert at is not None
    assert keys.revoke(session, key.id).revoked_at == at
    with pytest.raises(KeyNotFound, match="there is no key 99"):
        keys.revoke(session, 99)


def test_the_last_living_admin_key_stays(session):
    first, second = (keys.create(session, name, "admin")[0] for name in "ab")
    keys.create(session, "c", "operator")
    keys.revoke(session, first.id)
    with pytest.raises(LastAdminKey, match=f"key {second.id} is the last admin key; make another"):
        keys.revoke(session, second.id)
    assert keys.revoke(session, first.id).revoked_at is not None


def test_admins_who_revoke_each_other_at_once_leave_one(sessions, session):
    admins = [keys.create(session, name, "admin")[0].id for name in "abcdef"]

    def revoke(key_id: int) -> bool:
        with sessions() as own:
            try:
                keys.revoke(own, key_id)
            except LastAdminKey:
                return False
            return True

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(revoke, admins)) == [False] + [True] * 5


def test_the_use_of_a_key_is_noted_once_an_hour(session):
    key = keys.create(session, "laptop", "reader")[0]

    def used() -> datetime | None:
        session.refresh(key)
        keys.note_use(session, key)
        session.refresh(key)
        return key.last_used_at

    first = used()
    assert first is not None
    assert used() == first
    session.execute(text("UPDATE api_keys SET last_used_at = last_used_at - interval '61 minutes'"))
    session.commit()
    assert used() > first


@pytest.mark.parametrize("limit", [0, -1, 10**10])
def test_a_limit_of_its_own_is_in_reason(session, limit):
    with pytest.raises(InvalidInput, match=f"facts_per_day: {limit}; between 1 and 1,000,000,000 are allowed"):
        keys.create(session, "laptop", "writer", facts_per_day=limit)
    key = keys.create(session, "laptop", "writer", requests_per_minute=7, facts_per_day=1)[0]
    assert (key.requests_per_minute, key.facts_per_day) == (7, 1)
