"""Manifests that lie, and signatures that are not what the user asks for."""

import json
import random
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sidecar.engines.kokoro.config import KokoroConfig
from sidecar.models.signature import Signature, public_key
from sidecar.models.trust import TrustPolicy
from sidecar.protocol.reasons import Reason as R
from tests.attacks.packs import (
    EMOTIONS,
    KEY,
    LEXICON,
    MANIFEST,
    MINIATURE,
    OTHER_KEY,
    PROBE,
    SIGNATURE,
    VOICES,
    WEIGHTS,
    change_manifest,
    manifest_of,
    reseal,
    sign,
    write_manifest,
)
from tests.attacks.registry import defect


def write_text(pack: Path, text: str | bytes) -> None:
    (pack / MANIFEST).write_bytes(text.encode() if isinstance(text, str) else text)


@defect(R.MANIFEST_JSON)
def duplicate_key(pack: Path, rng: random.Random) -> None:
    text = (pack / MANIFEST).read_text("utf-8")
    key = rng.choice(["name", "version", "files", "probe", "format"])
    value = json.dumps(manifest_of(pack)[key])
    write_text(pack, text.replace("{", f'{{"{key}": {value},', 1))


@defect(R.MANIFEST_JSON)
def duplicate_key_of_a_file(pack: Path, rng: random.Random) -> None:
    key = rng.choice(["name", "sha256", "size_bytes"])
    text = (pack / MANIFEST).read_text("utf-8")
    write_text(pack, text.replace('"sha256"', f'"{key}": 1, "{key}": 2, "sha256"', 1))


@defect(R.MANIFEST_JSON)
def manifest_that_is_no_json(pack: Path, rng: random.Random) -> None:
    text = (pack / MANIFEST).read_text("utf-8")
    write_text(
        pack,
        rng.choice(
            [
                "",
                "[]",
                "null",
                "7",
                '"text"',
                text[:-3],
                text + "}",
                text.replace(":", "=", 1),
                "\ufeff" + text,
                text.replace("{", "{,", 1),
                text.encode("utf-16"),
                b"\xff\xfe" + text.encode(),
                "\0" * 100,
            ]
        ),
    )


@defect(R.MANIFEST_JSON)
def manifest_of_great_depth(pack: Path, rng: random.Random) -> None:
    depth = rng.randrange(50_000, 120_000)
    write_text(pack, rng.choice(["[" * depth, '{"a":' * (depth // 5), '{"config":' + "[" * depth]))


@defect(R.MANIFEST_JSON)
def manifest_of_great_length(pack: Path, rng: random.Random) -> None:
    write_text(pack, (pack / MANIFEST).read_text("utf-8") + " " * rng.randrange(300_000, 3_000_000))


@defect(R.MANIFEST_JSON)
def number_that_is_none(pack: Path, rng: random.Random) -> None:
    text = (pack / MANIFEST).read_text("utf-8")
    write_text(pack, text.replace("0.04", rng.choice(["NaN", "Infinity", "-Infinity", "04", "0x4", ".04"])))


@defect(R.MANIFEST_FORMAT)
def manifest_of_another_format(pack: Path, rng: random.Random) -> None:
    change_manifest(pack, format=rng.choice([0, 1, 4, "2", 2.0, True, None]))


@defect(R.MANIFEST_FIELD)
def missing_field(pack: Path, rng: random.Random) -> None:
    data = manifest_of(pack)
    del data[rng.choice(sorted(data.keys() - {"format"}))]
    write_manifest(pack, data)


@defect(R.MANIFEST_FIELD)
def unknown_field(pack: Path, rng: random.Random) -> None:
    data = manifest_of(pack)
    rng.choice([data, data["probe"], data["probe"]["lines"][0], data["files"][0]])["post_install"] = (
        "rm -rf /"
    )
    write_manifest(pack, data)


@defect(R.MANIFEST_FIELD)
def field_of_another_type(pack: Path, rng: random.Random) -> None:
    field = rng.choice(sorted(manifest_of(pack).keys() - {"format"}))
    change_manifest(pack, **{field: rng.choice([None, 7, True, 1.5, "", []])})


@defect(R.MANIFEST_FIELD)
def name_that_is_a_path(pack: Path, rng: random.Random) -> None:
    names = [
        "../evil",
        "/etc/evil",
        "Evil",
        "evil/",
        "",
        ".",
        "..",
        "a" * 65,
        "mïni",
        "C:evil",
        "a b",
        "-a",
        "a\n",
    ]
    change_manifest(pack, name=rng.choice(names))


@defect(R.MANIFEST_FIELD)
def version_that_is_none(pack: Path, rng: random.Random) -> None:
    versions = [
        "1",
        "1.0",
        "1.0.0.0",
        "01.0.0",
        "1.0.0-",
        "latest",
        "../../1",
        "1.0.0/..",
        "1.0.0\n",
        "９.0.0",
        1.0,
    ]
    change_manifest(pack, version=rng.choice(versions))


@defect(R.MANIFEST_FIELD)
def text_with_tricks(pack: Path, rng: random.Random) -> None:
    trick = rng.choice(["\u202e", "\u200b", "\u2066", "\x00", "\x1b[2J", "\n", "\ufeff", "\x7f", "\u2028"])
    change_manifest(pack, **{rng.choice(["licence", "source"]): f"good{trick}text"})


@defect(R.ARCHITECTURE)
def wrong_architecture(pack: Path, rng: random.Random) -> None:
    change_manifest(pack, architecture=rng.choice(["vits", "emotivoice", "kokoro2", "koko.ro", "kokoro-"]))


@defect(R.CONFIG)
def configuration_out_of_bounds(pack: Path, rng: random.Random) -> None:
    config = manifest_of(pack)["config"]
    key = rng.choice(sorted(config))
    config[key] = rng.choice([0, -1, 2**31, 2**63, "8", None, 1.5, [], [10**9, 2], True])
    change_manifest(pack, config=config)


@defect(R.CONFIG)
def configuration_that_contradicts_itself(pack: Path, rng: random.Random) -> None:
    odd: dict[str, Any] = rng.choice(
        [
            {"hidden": 9},
            {"bert_heads": 3},
            {"text_kernel": 4},
            {"upsample_rates": [6, 6]},
            {"hop": 10},
            {"upsample_kernels": [12, 20]},
            {"resblock_kernels": [4]},
            {"generator_channels": 9},
            {"n_fft": 12},
            {"noise_kernels": [3]},
            {"n_token": 179},
            {"sample_rate_hz": 48000},
            {"style": 64},
        ]
    )
    change_manifest(pack, config={**manifest_of(pack)["config"], **odd})


@defect(R.CONFIG)
def configuration_with_other_keys(pack: Path, rng: random.Random) -> None:
    config = manifest_of(pack)["config"]
    if rng.random() < 0.5:
        del config[rng.choice(sorted(config))]
    else:
        config[rng.choice(["device", "hidden ", "__class__"])] = 1
    change_manifest(pack, config=config)


@defect(R.TENSOR_SHAPE, R.TENSOR_MISSING, R.TENSOR_UNEXPECTED)
def configuration_of_another_network(pack: Path, rng: random.Random) -> None:
    other = rng.choice(
        [
            KokoroConfig(),
            replace(MINIATURE, hidden=16),
            replace(MINIATURE, depth=2),
            replace(MINIATURE, bert_ffn=16),
            replace(MINIATURE, resblock_kernels=(3, 5)),
            replace(MINIATURE, max_duration_frames=40),
            replace(MINIATURE, upsample_rates=(6, 10), upsample_kernels=(12, 20)),
        ]
    )
    change_manifest(pack, config=asdict(other))


@defect(R.SPEAKERS_DIFFER)
def speakers_that_are_not_there(pack: Path, rng: random.Random) -> None:
    change_manifest(
        pack, speakers=rng.choice([["af_one"], ["af_one", "am_two", "am_three"], ["af_one", "am_Two"]])
    )


@defect(R.MANIFEST_FIELD)
def language_that_cannot_be_read(pack: Path, rng: random.Random) -> None:
    change_manifest(
        pack, languages=rng.choice([["tlh"], ["en-US", "ja"], ["xx-XX"], ["en"], ["english"], []])
    )


@defect(R.MANIFEST_FIELD)
def probe_that_asks_for_too_little(pack: Path, rng: random.Random) -> None:
    probe = manifest_of(pack)["probe"]
    probe |= rng.choice(
        [{"tolerance_nepers": 100}, {"tolerance_nepers": 0.0}, {"lines": []}, {"tolerance_nepers": "1"}]
    )
    change_manifest(pack, probe=probe)


@defect(R.MANIFEST_FIELD)
def probe_line_that_is_none(pack: Path, rng: random.Random) -> None:
    probe = manifest_of(pack)["probe"]
    probe["lines"][0] |= rng.choice(
        [
            {"speaker": "nobody"},
            {"seed": -1},
            {"seed": 1.5},
            {"text": ""},
            {"text": "a" * 501},
            {"text": "a\u202eb"},
        ]
    )
    change_manifest(pack, probe=probe)


@defect(R.TENSOR_MISSING)
def probe_line_without_a_picture(pack: Path, rng: random.Random) -> None:
    probe = manifest_of(pack)["probe"]
    probe["lines"] *= rng.randrange(2, 5)
    change_manifest(pack, probe=probe)


def change_file_entry(pack: Path, file: str, **fields: Any) -> None:
    files = [entry | fields if entry["name"] == file else entry for entry in manifest_of(pack)["files"]]
    change_manifest(pack, files=files)


def any_file(rng: random.Random) -> str:
    return rng.choice([WEIGHTS, VOICES, PROBE, LEXICON])


@defect(R.SIZE_DIFFERS)
def size_that_is_a_lie(pack: Path, rng: random.Random) -> None:
    change_file_entry(pack, any_file(rng), size_bytes=rng.choice([1, 10**6, 2**40, 77]))


@defect(R.HASH_DIFFERS)
def hash_that_is_a_lie(pack: Path, rng: random.Random) -> None:
    change_file_entry(pack, any_file(rng), sha256=rng.randbytes(32).hex())


@defect(R.MANIFEST_FIELD)
def file_entry_that_is_none(pack: Path, rng: random.Random) -> None:
    odd = [
        {"sha256": "0" * 63},
        {"sha256": "G" * 64},
        {"size_bytes": 0},
        {"size_bytes": True},
        {"size_bytes": 2**60},
        {"sha256": None},
        {"name": 7},
        {"mode": "0777"},
    ]
    change_file_entry(pack, any_file(rng), **rng.choice(odd))


@defect(R.PATH_ESCAPE, R.FILE_NAME, R.DEVICE_NAME, R.PICKLE)
def file_entry_that_leads_elsewhere(pack: Path, rng: random.Random) -> None:
    names = [
        "../weights.safetensors",
        "/etc/passwd",
        "C:\\weights",
        "con.safetensors",
        "weights.pth",
        "..",
        "",
        "a/b",
    ]
    change_file_entry(pack, any_file(rng), name=rng.choice(names))


@defect(R.CASE_CLASH)
def file_listed_twice(pack: Path, rng: random.Random) -> None:
    files = manifest_of(pack)["files"]
    change_manifest(pack, files=[*files, rng.choice(files)])


@defect(R.MANIFEST_FIELD)
def manifest_that_lists_itself(pack: Path, rng: random.Random) -> None:
    name = rng.choice([MANIFEST, SIGNATURE])
    change_manifest(
        pack, files=[*manifest_of(pack)["files"], {"name": name, "sha256": "0" * 64, "size_bytes": 10}]
    )


@defect(R.MISSING_FILE)
def file_that_is_needed_but_not_listed(pack: Path, rng: random.Random) -> None:
    (pack / rng.choice([WEIGHTS, VOICES, PROBE])).unlink()
    reseal(pack)


@defect(R.EMOTIONS)
def emotions_that_are_none(pack: Path, rng: random.Random) -> None:
    (pack / EMOTIONS).write_bytes(
        rng.choice(
            [
                b"",
                b"{}",
                b"[" * 100_000,
                b'{"format": 1, "emotions": {"angry": {"change": {"f0_st": NaN}}}}',
                b'{"format": 1, "emotions": {"angry": {"change": {"f0_st": 1e9}}}}',
                b'{"format": 1, "emotions": {"angry": "very"}}',
                b'{"format": 1, "speakers": {"af_heart": {"angy": {}}}}',
                b'{"format": 1, "format": 1, "x": 1}',
                b"\xff\xfe{",
            ]
        )
    )
    reseal(pack)


@defect(R.EMOTIONS)
def emotions_of_names_without_end(pack: Path, rng: random.Random) -> None:
    aliases = rng.choice(
        [[f"a{n}" for n in range(rng.randrange(17, 300))], ["a" * rng.randrange(41, 10_000)]]
    )
    emotions = rng.choice([{"haunted": {"aliases": aliases}}, {f"e{n}": {} for n in range(190)}])
    (pack / EMOTIONS).write_text(json.dumps({"format": 1, "emotions": emotions}), "utf-8")
    reseal(pack)


@defect(R.LEXICON)
def lexicon_that_is_none(pack: Path, rng: random.Random) -> None:
    (pack / LEXICON).write_bytes(
        rng.choice(
            [
                "Drizzt dɹˈɪst\n".encode(),
                b"Drizzt\tg\n",
                b"\xff\xfe\t\n",
                b"\tx\n",
                b"a\t\n",
                "a\t世\n".encode(),
            ]
        )
    )
    reseal(pack)


@defect(R.LEXICON)
def word_that_is_a_speech(pack: Path, rng: random.Random) -> None:
    word, phonemes = rng.choice([(3, rng.choice([65, 1_900_000])), (rng.choice([101, 100_000]), 3)])
    (pack / LEXICON).write_text("Drizzt\tdɹˈɪst\n" + "a" * word + "\t" + "ɑ" * phonemes + "\n", "utf-8")
    reseal(pack)


@defect(R.UNSIGNED, policy=TrustPolicy.SIGNED)
def unsigned(pack: Path, rng: random.Random) -> None:
    pass


@defect(R.UNSIGNED, policy=TrustPolicy.KNOWN)
def unsigned_where_publishers_are_known(pack: Path, rng: random.Random) -> None:
    pass


@defect(R.PUBLISHER_UNKNOWN, policy=TrustPolicy.KNOWN)
def signed_by_a_stranger(pack: Path, rng: random.Random) -> None:
    sign(pack, OTHER_KEY)


@defect(R.SIGNATURE_WRONG)
def signed_with_another_key_than_it_says(pack: Path, rng: random.Random) -> None:
    sign(pack, OTHER_KEY)
    signature = Signature.from_json((pack / SIGNATURE).read_bytes())
    (pack / SIGNATURE).write_text(replace(signature, key=public_key(KEY)).to_json())


@defect(R.SIGNATURE_WRONG)
def signature_of_another_manifest(pack: Path, rng: random.Random) -> None:
    sign(pack)
    change_manifest(pack, version=f"{rng.randrange(2, 99)}.0.0")


@defect(R.SIGNATURE_WRONG)
def signature_of_nothing(pack: Path, rng: random.Random) -> None:
    sign(pack)
    signature = Signature.from_json((pack / SIGNATURE).read_bytes())
    odd = rng.choice(
        [
            {"signature": "0" * 128},
            {"signature": rng.randbytes(64).hex()},
            {"key": "0" * 64},
            {"key": "f" * 64},
        ]
    )
    (pack / SIGNATURE).write_text(replace(signature, **odd).to_json())


@defect(R.SIGNATURE_FORM)
def signature_file_that_is_none(pack: Path, rng: random.Random) -> None:
    sign(pack)
    text = (pack / SIGNATURE).read_text()
    odd = [
        "",
        "{}",
        "[]",
        text.replace('"key"', '"kye"'),
        text.replace("{", '{"format": 1,', 1),
        text[:-9],
        text * 100,
        text.replace("A Publisher", "\u202eevil"),
        text.replace('"format": 1', '"format": 2'),
        text.replace('"format": 1', '"format": true'),
    ]
    (pack / SIGNATURE).write_text(rng.choice(odd), "utf-8")
