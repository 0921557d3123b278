"""Whose packs are taken: the policy, and the user's list of publishers in `trust.json`."""

import json
import re
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from sidecar import files
from sidecar.models.file_names import SIGNATURE
from sidecar.models.manifest import Manifest, read_json
from sidecar.protocol.errors import BadRequest, ModelRejected, StorageError
from sidecar.protocol.reasons import Reason, refusal

FORMAT = 1
MAX_BYTES = 1 << 20
_KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]{1,64}")


class TrustPolicy(str, Enum):
    """A signature that is there must always be right; the policies differ in who must have one."""

    ANY = "any"  # unsigned packs too
    SIGNED = "signed"  # signed by anybody
    KNOWN = "known"  # signed with a key in the user's list


@dataclass(frozen=True)
class Policy:
    """What may speak: `who` must have signed it, and whether a voice pack must say what the person whose
    voice it is has agreed to."""

    who: TrustPolicy = TrustPolicy.ANY
    needs_consent: bool = False

    @classmethod
    def parsed(cls, text: str) -> "Policy":
        """`any`, `signed` or `known`, or one of them with `,consent`. Raises `BadRequest`."""
        who, comma, more = text.partition(",")
        choices = [choice.value for choice in TrustPolicy]
        if who not in choices or (comma and more != _CONSENT):
            known = ", ".join([*choices, *(f"{choice},{_CONSENT}" for choice in choices)])
            raise BadRequest(f"policy {text[:80]!r}: expected one of {known}", field="policy")
        return cls(TrustPolicy(who), bool(comma))

    def check_consent(self, manifest: Manifest) -> None:
        """Raises `ModelRejected` for voices whose pack says nothing of their person's consent."""
        if self.needs_consent and manifest.base is not None and manifest.fitted is None:
            raise refusal(
                Reason.CONSENT_MISSING,
                f"{manifest.name} {manifest.version} says nothing of the consent of those whose voices it "
                f"has, and the policy asks for it",
            )


_CONSENT = "consent"


@dataclass(frozen=True)
class Publisher:
    """A key, and what the user calls its holder."""

    key: str
    name: str

    @classmethod
    def checked(cls, key: str, name: str) -> "Publisher":
        """Raises `BadRequest` unless the key can be one and the name can be shown."""
        if not _KEY.fullmatch(key):
            raise BadRequest(f"key {key[:80]!r}: expected 64 hexadecimal digits in lower case", field="key")
        if not _NAME.fullmatch(name):
            raise BadRequest(f"name {name[:80]!r}: expected 1 to 64 printable characters", field="name")
        return cls(key, name)


@dataclass(frozen=True)
class TrustList:
    """The publishers the user trusts, by key."""

    publishers: tuple[Publisher, ...] = ()

    @classmethod
    def load(cls, path: Path) -> "TrustList":
        """An absent file is an empty list. Raises `BadRequest` for one that is malformed."""
        try:
            data = read_json(files.read(path), path.name, Reason.SIGNATURE_FORM, MAX_BYTES)
            return cls(_publishers(data))
        except FileNotFoundError:
            return cls()
        except OSError as error:
            raise StorageError(f"{path} cannot be read: {error.strerror}") from error
        except (BadRequest, ModelRejected, KeyError, TypeError, ValueError) as error:
            raise BadRequest(
                f"{path} is not a list of publishers", field="trust", tip="correct or delete the file"
            ) from error

    def save(self, path: Path) -> None:
        """Raises `StorageError`; the list that was there stays until the new one is whole."""
        data = {"format": FORMAT, "publishers": [asdict(publisher) for publisher in self.publishers]}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            files.write_whole(path, (json.dumps(data, indent=2) + "\n").encode(), durable=True)
        except OSError as error:
            raise StorageError(f"cannot write {path}: {error.strerror}") from error

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(publisher.key for publisher in self.publishers)

    def named(self, key: str) -> str | None:
        """The user's name for the holder of `key`, or None."""
        return next((publisher.name for publisher in self.publishers if publisher.key == key), None)

    def with_publisher(self, publisher: Publisher) -> "TrustList":
        return TrustList((*self.without(publisher.key).publishers, publisher))

    def without(self, key: str) -> "TrustList":
        return TrustList(tuple(p for p in self.publishers if p.key != key))


def _publishers(data: Any) -> tuple[Publisher, ...]:
    """Raises `BadRequest`, `KeyError`, `TypeError` or `ValueError` for anything but our own form."""
    if data["format"] != FORMAT:
        raise ValueError("another format")
    return tuple(Publisher.checked(entry["key"], entry["name"]) for entry in data["publishers"])


def check_signature(
    manifest: bytes, signature: bytes | None, policy: TrustPolicy, known_keys: frozenset[str]
) -> str | None:
    """The signer's key, or None for an unsigned pack that the policy lets pass. Raises `ModelRejected`."""
    if signature is None:
        if policy is not TrustPolicy.ANY:
            raise refusal(Reason.UNSIGNED, f"the pack has no {SIGNATURE}, and the policy is {policy.value!r}")
        return None
    from sidecar.models.signature import Signature  # the cryptography takes a while to load

    signed = Signature.from_json(signature)
    signed.verify(manifest)
    if policy is TrustPolicy.KNOWN and signed.key not in known_keys:
        raise refusal(
            Reason.PUBLISHER_UNKNOWN,
            f"signed by {signed.publisher!r} with key {signed.key[:16]}…, which is not in your list",
            tip=f"if you trust them, run: npc-voice pack trust add {signed.key} --name {signed.publisher!r}",
        )
    return signed.key
