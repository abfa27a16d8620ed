"""The key ring: what was sealed for one place opens there, with a key of the ring, and nowhere else."""

import base64
import secrets
import string
import traceback
import uuid
from itertools import product

import pytest
from django.test import override_settings

from servers.leaseweb import Secret
from servers.models import ApiKey
from teams.encryption import DecryptionError, Place, decrypt, encrypt, fingerprint, key_id_of
from teams.models import Team

pytestmark = pytest.mark.once
PLAIN = "canary-7f3b0c5e-the-plain-text"
TEAMS, ROWS = [uuid.UUID(int=1), uuid.UUID(int=2)], [uuid.UUID(int=3), uuid.UUID(int=4)]
PLACES = [Place(*each) for each in product(TEAMS, ROWS, ("api_key", "totp"))]
HERE = PLACES[0]


def material() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")


OLD, NEW = f"old:{material()}", f"new:{material()}"


@pytest.mark.req("K1")
@pytest.mark.parametrize("plain", [PLAIN, "", "é😀\u202e", "x" * 10_000, "a\r\nb\x00"])
def test_sealed_text_opens_in_its_place(plain: str) -> None:
    sealed = encrypt(plain, HERE)
    assert decrypt(sealed, HERE) == plain
    assert not plain or plain not in sealed


@pytest.mark.req("K1")
@pytest.mark.parametrize("origin", PLACES)
def test_text_moved_to_any_other_place_is_refused(origin: Place) -> None:
    """Team, row, field and every mixture of them: one hundred per cent."""
    sealed = encrypt(PLAIN, origin)
    opened = []
    for place in PLACES:
        try:
            opened.append((place, decrypt(sealed, place)))
        except DecryptionError:
            continue
    assert opened == [(origin, PLAIN)]


@pytest.mark.req("K1")
@pytest.mark.django_db
def test_sealed_key_of_another_row_does_not_open(team: Team, other_team: Team) -> None:
    def sealed(owner: Team, text: str) -> ApiKey:
        api_key = ApiKey(team=owner, name="Key")
        api_key.seal(Secret(text))
        return api_key

    mine, theirs, another = (
        sealed(*each) for each in ((team, "mine"), (other_team, "theirs"), (team, "other"))
    )
    for target, source in product((mine, theirs, another), repeat=2):
        place = target.place
        if target is source:
            continue
        with pytest.raises(DecryptionError):
            decrypt(source.sealed, place)
    assert (mine.unseal(), theirs.unseal(), another.unseal()) == ("mine", "theirs", "other")


@pytest.mark.req("K1")
def test_same_text_is_never_sealed_alike() -> None:
    sealed = {encrypt(PLAIN, HERE) for _ in range(200)}
    nonces = {base64.urlsafe_b64decode(each.rpartition(".")[2])[:12] for each in sealed}
    assert (len(sealed), len(nonces)) == (200, 200)


@pytest.mark.req("K2")
def test_new_first_key_seals_and_the_old_one_still_opens() -> None:
    with override_settings(ENCRYPTION_KEYS=OLD):
        old = encrypt(PLAIN, HERE)
    with override_settings(ENCRYPTION_KEYS=f"{NEW},{OLD}"):
        new = encrypt(PLAIN, HERE)
        assert (decrypt(old, HERE), decrypt(new, HERE)) == (PLAIN, PLAIN)
    assert key_id_of(old) != key_id_of(new)


@pytest.mark.req("K2")
def test_dropped_key_is_named_by_its_id_and_nothing_else() -> None:
    with override_settings(ENCRYPTION_KEYS=OLD):
        sealed = encrypt(PLAIN, HERE)
    with override_settings(ENCRYPTION_KEYS=NEW), pytest.raises(DecryptionError) as refused:
        decrypt(sealed, HERE)
    told = str(refused.value)
    assert repr(key_id_of(sealed)) in told
    assert not any(part in told for part in (PLAIN, sealed.rpartition(".")[2], OLD.partition(":")[2]))


@pytest.mark.req("K2")
def test_id_of_a_key_stays_however_the_ring_is_edited() -> None:
    """Moved, given a remark, given another one, on lines of its own, with and without the signs that fill base64 up."""
    bare = material()
    with override_settings(ENCRYPTION_KEYS=bare):
        sealed = encrypt(PLAIN, HERE)
    for ring in (f"{NEW}\n  {bare}\n", f"mine:{bare},{NEW}", f"2025.01:{bare}=", f"{NEW},yours:{bare}"):
        with override_settings(ENCRYPTION_KEYS=ring):
            assert decrypt(sealed, HERE) == PLAIN
    assert len(key_id_of(sealed)) == 8
    assert set(key_id_of(sealed)) <= set(string.hexdigits)


def test_another_key_under_the_same_remark_does_not_open() -> None:
    with override_settings(ENCRYPTION_KEYS=f"a:{material()}"):
        sealed = encrypt(PLAIN, HERE)
    with override_settings(ENCRYPTION_KEYS=f"a:{material()}"), pytest.raises(DecryptionError):
        decrypt(sealed, HERE)


DAMAGE = {
    "empty": lambda text: "",
    "no dots": lambda text: "nonsense",
    "another version": lambda text: "v2" + text[2:],
    "another key id": lambda text: text.replace(f".{text.split('.')[1]}.", ".zz."),
    "cut": lambda text: text[:-4],
    "only the nonce": lambda text: ".".join(text.split(".")[:2]) + "." + text.split(".")[2][:16],
    "no body": lambda text: ".".join(text.split(".")[:2]) + ".",
    "not base64": lambda text: ".".join(text.split(".")[:2]) + ".é=é",
    "longer": lambda text: text[:-4] + "AAAA" + text[-4:],
}


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_text_is_refused(how: str) -> None:
    with pytest.raises(DecryptionError):
        decrypt(DAMAGE[how](encrypt(PLAIN, HERE)), HERE)


def test_every_flipped_byte_is_found() -> None:
    head, _, body = encrypt(PLAIN, HERE).rpartition(".")
    raw = base64.urlsafe_b64decode(body)
    for position in range(len(raw)):
        flipped = raw[:position] + bytes([raw[position] ^ 1]) + raw[position + 1 :]
        with pytest.raises(DecryptionError):
            decrypt(f"{head}.{base64.urlsafe_b64encode(flipped).decode()}", HERE)


@pytest.mark.req("K3")
def test_fingerprint_is_eight_hex_digits_that_stay() -> None:
    first = fingerprint(PLAIN, HERE)
    assert len(first) == 8
    assert set(first) <= set("0123456789abcdef")
    assert fingerprint(PLAIN, HERE) == first
    assert fingerprint(PLAIN + "x", HERE) != first


@pytest.mark.req("K3")
def test_fingerprint_survives_a_new_first_key_and_tells_nothing_across_teams() -> None:
    with override_settings(ENCRYPTION_KEYS=OLD):
        before = fingerprint(PLAIN, HERE)
    with override_settings(ENCRYPTION_KEYS=f"{NEW},{OLD}"):
        assert fingerprint(PLAIN, HERE) == before
        assert fingerprint(PLAIN, PLACES[-1]) != before
    with override_settings(ENCRYPTION_KEYS=NEW):
        assert fingerprint(PLAIN, HERE) != before, "without the key nobody can try guesses against it"


@pytest.mark.req("K4")
@pytest.mark.django_db
def test_plain_text_is_in_no_repr_and_no_traceback(team: Team) -> None:
    api_key = ApiKey(team=team, name="Key")
    api_key.seal(Secret(PLAIN))
    api_key.save()
    shown = [repr(api_key), str(api_key), repr(vars(api_key)), repr(Secret(PLAIN)), f"{Secret(PLAIN)}"]
    ApiKey.objects.filter(pk=api_key.pk).update(sealed=encrypt(PLAIN, PLACES[1]))
    api_key.refresh_from_db()
    with pytest.raises(DecryptionError) as refused:
        api_key.unseal()
    assert refused.value.__suppress_context__
    shown += traceback.format_exception(refused.value)
    assert "DecryptionError" in shown[-1]
    assert not any(PLAIN in each for each in shown)
