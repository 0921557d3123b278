"""Signatures, keys and the list of publishers."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.models.signature import Signature, load_key, make_key, signed
from sidecar.models.trust import Publisher, TrustList, TrustPolicy, check_signature
from sidecar.protocol.errors import BadRequest, ModelRejected
from tests.attacks.packs import KEY, OTHER_KEY

MANIFEST = b'{"name": "mine"}'
GOOD = signed(MANIFEST, KEY, "A Publisher")
NOBODY: frozenset[str] = frozenset()


def test_a_signature_survives_the_round_trip_and_verifies():
    again = Signature.from_json(GOOD.to_json().encode())
    assert again == GOOD
    again.verify(MANIFEST)


@given(at=st.integers(0, len(MANIFEST) * 8 - 1))
def test_a_flipped_bit_is_noticed(at: int):
    changed = bytearray(MANIFEST)
    changed[at // 8] ^= 1 << at % 8
    with pytest.raises(ModelRejected) as refusal:
        GOOD.verify(bytes(changed))
    assert refusal.value.reason == "signature_wrong"


@pytest.mark.parametrize(
    ("policy", "signature", "known", "reason"),
    [
        (TrustPolicy.ANY, None, NOBODY, None),
        (TrustPolicy.ANY, GOOD, NOBODY, None),
        (TrustPolicy.SIGNED, None, NOBODY, "unsigned"),
        (TrustPolicy.SIGNED, GOOD, NOBODY, None),
        (TrustPolicy.KNOWN, None, {GOOD.key}, "unsigned"),
        (TrustPolicy.KNOWN, GOOD, NOBODY, "publisher_unknown"),
        (TrustPolicy.KNOWN, GOOD, {GOOD.key}, None),
    ],
)
def test_a_policy_decides_who_must_have_signed(policy, signature, known, reason: str | None):
    text = signature.to_json().encode() if signature else None
    if reason is None:
        assert check_signature(MANIFEST, text, policy, frozenset(known)) == (GOOD.key if signature else None)
        return
    with pytest.raises(ModelRejected) as refusal:
        check_signature(MANIFEST, text, policy, frozenset(known))
    assert refusal.value.reason == reason


@pytest.mark.parametrize("policy", TrustPolicy)
def test_a_wrong_signature_is_worse_than_none_under_every_policy(policy: TrustPolicy):
    wrong = signed(b"another", OTHER_KEY, "A Publisher")
    with pytest.raises(ModelRejected, match="not that of key"):
        check_signature(MANIFEST, wrong.to_json().encode(), policy, frozenset({wrong.key}))


def test_a_key_is_its_owners_alone_and_never_written_over(tmp_path: Path):
    path = tmp_path / "key.pem"
    public = make_key(path)
    assert signed(MANIFEST, load_key(path), "me").key == public
    with pytest.raises(BadRequest, match="never written over"):
        make_key(path)
    if sys.platform != "win32":
        assert path.stat().st_mode & 0o777 == 0o600
        path.chmod(0o644)
        with pytest.raises(BadRequest, match="read by others"):
            load_key(path)


@pytest.mark.parametrize(
    "content", [b"", b"-----BEGIN PRIVATE KEY-----\n", os.urandom(100)], ids=["empty", "cut off", "noise"]
)
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(BadRequest, match="PEM"):
        load_key(path)


@pytest.mark.parametrize("name", ["", "a" * 65, "a\u202eb", "a\nb", "-a"])
def test_a_publishers_name_is_plain(name: str):
    with pytest.raises(BadRequest, match="publisher"):
        signed(MANIFEST, KEY, name)


def test_a_list_of_publishers_is_kept_by_key(tmp_path: Path):
    path = tmp_path / "home" / "trust.json"
    assert TrustList.load(path) == TrustList()
    one, again = Publisher.checked("a" * 64, "One"), Publisher.checked("a" * 64, "One again")
    TrustList().with_publisher(one).with_publisher(again).save(path)
    loaded = TrustList.load(path)
    assert loaded.publishers == (again,) and loaded.named("a" * 64) == "One again"
    assert loaded.without("a" * 64) == TrustList()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"format": 1}',
        '{"format": 2, "publishers": []}',
        '{"format": 1, "publishers": [{}]}',
        '{"format": 1, "publishers": [{"key": 1, "name": "x"}]}',
        '{"format": 1, "publishers": [["a", "b"]]}',
    ],
)
def test_a_list_that_is_none_is_refused_not_ignored(tmp_path: Path, text: str):
    (tmp_path / "trust.json").write_text(text)
    with pytest.raises(BadRequest, match="not a list of publishers"):
        TrustList.load(tmp_path / "trust.json")
