from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from tallygate.adapters.store import keys
from tallygate.adapters.store.tables import metadata
from tallygate.core.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from tallygate.core.keys import ApiKey
from tallygate.testing import FrozenClock
from tallygate.workflows import idempotency
from tallygate.workflows.accounts import create_organization
from tallygate.workflows.idempotency import Answer
from tallygate.workflows.installation import Installation, Settings
from tallygate.workflows.keys import KeyRing, create_key, recognize_key, revoke_key

HOUR = timedelta(hours=1)


def test_a_key_is_recognized_until_it_is_revoked(each_installation: Installation) -> None:
    acme = create_organization(each_installation, "Acme")
    made = create_key(each_installation, organization=acme.id)
    assert recognize_key(each_installation, made.text) == made.key
    assert made.key.scopes == {"ingest"}
    assert made.key.organization == acme.id
    gone = revoke_key(each_installation, made.key.id, tenant=acme.id)
    assert gone.revoked_at == each_installation.now
    assert revoke_key(each_installation, made.key.id) == gone
    with pytest.raises(Unauthenticated, match="not valid"):
        recognize_key(each_installation, made.text)


def test_a_key_ends_when_it_was_said_to(installation: Installation, clock: FrozenClock) -> None:
    made = create_key(installation, organization=None, expires_at=clock.now() + HOUR)
    assert recognize_key(installation, made.text).organization is None
    clock.advance(HOUR)
    with pytest.raises(Unauthenticated):
        recognize_key(installation, made.text)


def test_no_other_text_is_a_key(installation: Installation) -> None:
    with pytest.raises(Unauthenticated):
        recognize_key(installation, "tg_live_nothing")
    text = create_key(installation, organization=None).text
    for wrong in ("", text[:-1], text.upper(), text + " ", "\x00" * 67):
        with pytest.raises(Unauthenticated):
            recognize_key(installation, wrong)


def test_a_key_is_kept_as_a_hash_under_a_secret(installation: Installation) -> None:
    texts = [create_key(installation, organization=None).text for _ in range(50)]
    assert len(set(texts)) == 50
    dump = ""
    with installation.store.read() as tx:
        for table in metadata.sorted_tables:
            dump += "".join(str(row) for row in tx.execute(select(table)))
        listed = keys.list_keys(tx, None)
    for text, key in zip(texts, listed, strict=True):
        assert text[8:30] not in dump
        assert key.tail == text[-4:]
    chosen = "another one"
    other = replace(installation, settings=Settings(secret=chosen))
    with pytest.raises(Unauthenticated):
        recognize_key(other, texts[0])
    own = create_key(other, organization=None).text
    assert recognize_key(other, own).id
    assert chosen not in repr(other)
    assert own not in repr(create_key(other, organization=None))


def test_a_key_that_could_do_nothing_is_refused(
    installation: Installation, clock: FrozenClock
) -> None:
    for scopes in ([], ["everything"], ["read", ""]):
        with pytest.raises(Invalid, match="scopes out of ingest, read, write"):
            create_key(installation, organization=None, scopes=scopes)
    with pytest.raises(Invalid, match="in the future"):
        create_key(installation, organization=None, expires_at=clock.now())
    with pytest.raises(Invalid, match="printable"):
        create_key(installation, organization=None, name="a\nb")


def test_a_tenant_makes_and_revokes_its_own_keys_only(installation: Installation) -> None:
    acme, zeta = (create_organization(installation, name) for name in ("Acme", "Zeta"))
    made = create_key(installation, organization=acme.id, tenant=acme.id)
    platform = create_key(installation, organization=None)
    with pytest.raises(NotFound):
        create_key(installation, organization=acme.id, tenant=zeta.id)
    for key in (made, platform):
        with pytest.raises(NotFound):
            revoke_key(installation, key.key.id, tenant=zeta.id)
        assert recognize_key(installation, key.text)
    with installation.store.read() as tx:
        assert keys.list_keys(tx, acme.id) == (made.key,)
        assert keys.list_keys(tx, zeta.id) == ()


def test_a_tenants_key_gives_at_most_what_it_has(
    installation: Installation, clock: FrozenClock
) -> None:
    acme = create_organization(installation, "Acme")
    end = clock.now() + HOUR
    maker = create_key(installation, organization=acme.id, scopes=["write"], expires_at=end)

    def make(scopes: list[str], ends: datetime | None = None) -> ApiKey:
        asked = {"organization": acme.id, "tenant": acme.id, "maker": maker.key.id}
        return create_key(installation, scopes=scopes, expires_at=ends, **asked).key

    for scopes in (["ingest"], ["read", "ingest"]):
        with pytest.raises(Forbidden, match=r"'ingest', which it has not .* out of read, write"):
            make(scopes)
    with pytest.raises(Forbidden, match="cannot outlive it: name an earlier expires_at"):
        make(["read"], end + HOUR)
    assert make(["read", "write"]).expires_at == end
    assert make(["read"], end - HOUR / 2).expires_at == end - HOUR / 2


def test_a_key_ring_forgets_within_a_second(
    installation: Installation, clock: FrozenClock
) -> None:
    ring = KeyRing(installation)
    made = create_key(installation, organization=None)
    assert ring.recognize(made.text) == made.key
    revoke_key(installation, made.key.id)
    assert ring.recognize(made.text) == made.key
    clock.advance(timedelta(seconds=1))
    with pytest.raises(Unauthenticated):
        ring.recognize(made.text)
    ends = create_key(installation, organization=None, expires_at=clock.now() + HOUR / 36000)
    assert ring.recognize(ends.text) == ends.key
    clock.advance(HOUR / 36000)
    with pytest.raises(Unauthenticated):
        ring.recognize(ends.text)


def test_a_repeated_request_gets_the_first_answer_for_a_day(
    each_installation: Installation, clock: FrozenClock
) -> None:
    here = each_installation
    assert idempotency.begin(here, "key_1", "k", "POST a") is None
    with pytest.raises(Conflict, match="still at work") as busy:
        idempotency.begin(here, "key_1", "k", "POST a")
    assert busy.value.reason == "request_in_flight"
    idempotency.finish(here, "key_1", "k", Answer(201, "{}"))
    assert idempotency.begin(here, "key_1", "k", "POST a") == Answer(201, "{}")
    with pytest.raises(Invalid, match="another request") as other:
        idempotency.begin(here, "key_1", "k", "POST b")
    assert other.value.reason == "idempotency_key_reused"
    assert idempotency.begin(here, "key_2", "k", "POST b") is None
    clock.advance(timedelta(hours=24))
    assert idempotency.begin(here, "key_1", "k", "POST a") == Answer(201, "{}")
    clock.advance(timedelta(microseconds=1))
    assert idempotency.begin(here, "key_1", "k", "POST b") is None


def test_a_request_that_was_refused_may_be_corrected(installation: Installation) -> None:
    assert idempotency.begin(installation, "key_1", "k", "POST a") is None
    idempotency.give_up(installation, "key_1", "k")
    assert idempotency.begin(installation, "key_1", "k", "POST b") is None


def test_a_request_that_was_cut_off_is_not_done_again(
    each_installation: Installation, clock: FrozenClock
) -> None:
    here = each_installation
    assert idempotency.begin(here, "key_1", "k", "POST a") is None
    clock.advance(idempotency.AT_WORK_FOR)
    with pytest.raises(Conflict, match="look whether it did") as unknown:
        idempotency.begin(here, "key_1", "k", "POST a")
    assert unknown.value.reason == "request_outcome_unknown"
    clock.advance(idempotency.KEPT_FOR)
    assert idempotency.begin(here, "key_1", "k", "POST a") is None


@pytest.mark.parametrize("key", ["", "x" * 129, "a\x00"])
def test_an_idempotency_key_has_a_form(installation: Installation, key: str) -> None:
    with pytest.raises(Invalid, match="1 to 128"):
        idempotency.begin(installation, "key_1", key, "POST a")
