"""Headers and tensors that are not what the architecture asks for. The manifests agree with them."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from sidecar.protocol.reasons import Reason as R
from tests.attacks.packs import (
    PROBE,
    VOICES,
    WEIGHTS,
    Arrays,
    change_header,
    change_tensors,
    header_of,
    reseal,
    write_raw,
)
from tests.attacks.registry import defect


def any_key(header: dict[str, Any], rng: random.Random) -> str:
    return rng.choice(sorted(header.keys() - {"__metadata__"}))


def any_matrix(arrays: Arrays, rng: random.Random) -> str:
    return rng.choice(sorted(name for name, array in arrays.items() if sum(n > 1 for n in array.shape) > 1))


@defect(R.HEADER_LENGTH)
def header_bomb(pack: Path, rng: random.Random) -> None:
    header, data = header_of(pack / WEIGHTS)
    length = rng.choice([0, 1, 2**20 * 100, 2**31, 2**40, 2**63, 2**64 - 1])
    write_raw(pack, json.dumps(header).encode(), data, length)


@defect(R.HEADER_LENGTH)
def header_of_megabytes(pack: Path, rng: random.Random) -> None:
    header, data = header_of(pack / WEIGHTS)
    write_raw(pack, json.dumps(header).encode() + b" " * rng.randrange(3 << 20, 5 << 20), data)


@defect(R.HEADER_JSON)
def header_that_is_no_json(pack: Path, rng: random.Random) -> None:
    header, data = header_of(pack / WEIGHTS)
    text = json.dumps(header)
    odd = [
        "[]",
        "{}",
        "  " + text,
        "x" + text,
        text[:-2],
        text + "}",
        "\xff" * 10,
        '{"a":' * 50_000,
        "[" * 50_000,
        text.replace(":", ": NaN,", 1),
        "\0" * 100,
    ]
    write_raw(pack, rng.choice(odd).encode("latin-1"), data)


@defect(R.HEADER_JSON)
def header_with_a_duplicate(pack: Path, rng: random.Random) -> None:
    header, data = header_of(pack / WEIGHTS)
    key = any_key(header, rng)
    text = json.dumps(header)
    write_raw(pack, text.replace("{", f'{{"{key}": {json.dumps(header[key])}, ', 1).encode(), data)


@defect(R.HEADER_JSON)
def header_with_odd_metadata(pack: Path, rng: random.Random) -> None:
    change_header(
        pack, lambda header: header.update({"__metadata__": rng.choice([{"a": 1}, [], "x", None, {"a": []}])})
    )


@defect(R.HEADER_JSON)
def header_of_too_many_tensors(pack: Path, rng: random.Random) -> None:
    entry = {"dtype": "F16", "shape": [1], "data_offsets": [0, 2]}
    change_header(pack, lambda header: header.update({f"t{n}": entry for n in range(9000)}))


def spoilt(pack: Path, rng: random.Random, **fields: Any) -> None:
    change_header(pack, lambda header: header[any_key(header, rng)].update(fields))


@defect(R.HEADER_TENSOR)
def tensor_of_another_type(pack: Path, rng: random.Random) -> None:
    spoilt(
        pack, rng, dtype=rng.choice(["F64", "I8", "BOOL", "F8_E4M3", "BF16", "I64", "f16", "", None, 16, "O"])
    )


@defect(R.HEADER_TENSOR)
def huge_dimensions(pack: Path, rng: random.Random) -> None:
    spoilt(
        pack,
        rng,
        shape=rng.choice([[2**40], [2**32, 2**32], [65536] * 6, [10**30], [2**31, 2], [2**63 - 1, 4]]),
    )


@defect(R.HEADER_TENSOR)
def odd_dimensions(pack: Path, rng: random.Random) -> None:
    spoilt(
        pack, rng, shape=rng.choice([[], [0], [-1], [1.5], ["8"], None, 8, [True], [1] * 7, [8, 0], {"0": 8}])
    )


@defect(R.HEADER_TENSOR)
def odd_offsets(pack: Path, rng: random.Random) -> None:
    spoilt(
        pack,
        rng,
        data_offsets=rng.choice(
            [[], [0], [8, 0], [-2, 0], [0.0, 2.0], None, [0, 2, 4], ["0", "2"], [0, 2**70]]
        ),
    )


@defect(R.HEADER_TENSOR)
def entry_of_another_form(pack: Path, rng: random.Random) -> None:
    def change(header: dict[str, Any]) -> None:
        key = any_key(header, rng)
        header[key] = rng.choice([None, [], 1, {}, {**header[key], "code": "x"}, {"dtype": "F16"}])

    change_header(pack, change)


@defect(R.HEADER_TENSOR)
def odd_tensor_name(pack: Path, rng: random.Random) -> None:
    def change(header: dict[str, Any]) -> None:
        name = rng.choice(["", "a" * 300, "../a", "bеrt", "a\u202eb", "a\nb", "a b", "a\0b", "weight\u0301"])
        header[name] = header.pop(any_key(header, rng))

    change_header(pack, change)


@defect(R.HEADER_LAYOUT)
def tensors_that_overlap(pack: Path, rng: random.Random) -> None:
    def change(header: dict[str, Any]) -> None:
        one, other = rng.sample(sorted(header.keys() - {"__metadata__"}), 2)
        size = header[other]["data_offsets"][1] - header[other]["data_offsets"][0]
        start = header[one]["data_offsets"][0]
        header[other]["data_offsets"] = [start, start + size]

    change_header(pack, change)


@defect(R.HEADER_LAYOUT)
def hole_between_tensors(pack: Path, rng: random.Random) -> None:
    def change(header: dict[str, Any]) -> None:
        place = header[any_key(header, rng)]["data_offsets"][0]
        for entry in header.values():
            if entry["data_offsets"][0] >= place:
                entry["data_offsets"] = [at + 64 for at in entry["data_offsets"]]

    change_header(pack, change, bytes(64))


@defect(R.HEADER_LAYOUT)
def tensor_outside_the_file(pack: Path, rng: random.Random) -> None:
    def change(header: dict[str, Any]) -> None:
        last = max(header.values(), key=lambda entry: entry["data_offsets"][1])
        by = rng.choice([2, 2**20, 2**62])
        last["data_offsets"] = [at + by for at in last["data_offsets"]]

    change_header(pack, change)


@defect(R.HEADER_LENGTH)
def pointer_or_page_instead_of_weights(pack: Path, rng: random.Random) -> None:
    (pack / WEIGHTS).write_bytes(
        rng.choice(
            [
                b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
                b"<!DOCTYPE html><html>" * 9,
                b"Not Found: 404...",
                bytes(4096),
                b"\x7fELF\x02\x01\x01" + bytes(64),
            ]
        )
    )
    reseal(pack)


@defect(R.TENSOR_MISSING)
def missing_tensor(pack: Path, rng: random.Random) -> None:
    def change(arrays: Arrays) -> Arrays:
        del arrays[rng.choice(sorted(arrays))]
        return arrays

    change_tensors(pack, change)


@defect(R.TENSOR_UNEXPECTED)
def unexpected_tensor(pack: Path, rng: random.Random) -> None:
    name = rng.choice(["surprise", "bert.pooler.weight", "decoder.generator.resblocks.9.alpha1.0"])
    change_tensors(pack, lambda arrays: {**arrays, name: np.ones((1, 8, 1), np.float16)})


@defect(R.TENSOR_MISSING)
def renamed_tensor(pack: Path, rng: random.Random) -> None:
    def change(arrays: Arrays) -> Arrays:
        name = rng.choice(sorted(arrays))
        arrays[f"module.{name}"] = arrays.pop(name)
        return arrays

    change_tensors(pack, change)


@defect(R.TENSOR_SHAPE)
def transposed_tensor(pack: Path, rng: random.Random) -> None:
    def change(arrays: Arrays) -> Arrays:
        name = rng.choice(sorted(name for name, a in arrays.items() if a.ndim > 1 and a.shape != a.T.shape))
        arrays[name] = np.ascontiguousarray(arrays[name].T)
        return arrays

    change_tensors(pack, change)


@defect(R.TENSOR_SHAPE)
def swapped_tensors_of_other_shapes(pack: Path, rng: random.Random) -> None:
    def change(arrays: Arrays) -> Arrays:
        one = any_matrix(arrays, rng)
        other = rng.choice(sorted(name for name, array in arrays.items() if array.shape != arrays[one].shape))
        arrays[one], arrays[other] = arrays[other], arrays[one]
        return arrays

    change_tensors(pack, change)


def set_one(pack: Path, rng: random.Random, value: float, *, wide: bool = False) -> None:
    """One number of one tensor, which is made single precision if `wide`."""

    def change(arrays: Arrays) -> Arrays:
        name = rng.choice(sorted(arrays))
        changed = arrays[name].astype(np.float32) if wide else arrays[name]
        changed.flat[rng.randrange(changed.size)] = value
        arrays[name] = changed
        return arrays

    change_tensors(pack, change)


@defect(R.NOT_FINITE)
def not_a_number(pack: Path, rng: random.Random) -> None:
    set_one(pack, rng, float("nan"), wide=rng.random() < 0.5)


@defect(R.NOT_FINITE)
def infinity(pack: Path, rng: random.Random) -> None:
    set_one(pack, rng, rng.choice([-1, 1]) * float("inf"), wide=rng.random() < 0.5)


@defect(R.HALF_OVERFLOW)
def beyond_half_precision(pack: Path, rng: random.Random) -> None:
    set_one(pack, rng, rng.choice([-1, 1]) * rng.choice([65520.0, 1e6, 3e38]), wide=True)


@defect(R.OUT_OF_RANGE)
def wild_number(pack: Path, rng: random.Random) -> None:
    set_one(pack, rng, rng.choice([-1, 1]) * rng.uniform(110, 60_000))


@defect(R.ALL_ZERO)
def silent_weights(pack: Path, rng: random.Random) -> None:
    whole = rng.random() < 0.5

    def change(arrays: Arrays) -> Arrays:
        for name in sorted(arrays) if whole else [any_matrix(arrays, rng)]:
            arrays[name] = np.zeros_like(arrays[name])
        return arrays

    change_tensors(pack, change)


@defect(R.OUT_OF_RANGE)
def weights_scaled_out_of_all_bounds(pack: Path, rng: random.Random) -> None:
    factor = rng.choice([1e-4, 1e-3 / 2, 1e3])

    def change(arrays: Arrays) -> Arrays:
        return {name: (array.astype(np.float32) * factor) for name, array in arrays.items()}

    change_tensors(pack, change)


@defect(R.SPEAKERS_DIFFER)
def voice_that_is_gone(pack: Path, rng: random.Random) -> None:
    change_tensors(pack, lambda voices: dict([rng.choice(sorted(voices.items()))]), VOICES)


@defect(R.TENSOR_SHAPE)
def voice_of_another_width(pack: Path, rng: random.Random) -> None:
    shape = rng.choice([(4, 128), (256,), (4, 2, 256), (2000, 256), (4, 257)])
    change_tensors(pack, lambda voices: {name: np.ones(shape, np.float32) for name in voices}, VOICES)


@defect(R.TENSOR_UNEXPECTED, R.TENSOR_SHAPE)
def voice_in_odd_parts(pack: Path, rng: random.Random) -> None:
    parts = rng.choice(
        [("mean",), ("mean", "length", "style"), ("mean", "length", "style", "more"), ("", "mean")]
    )

    def change(voices: Arrays) -> Arrays:
        table = voices.pop("af_one")
        return voices | {f"af_one.{part}".rstrip("."): table for part in parts}

    change_tensors(pack, change, VOICES)


@defect(R.TENSOR_DTYPE)
def voice_in_half_precision(pack: Path, rng: random.Random) -> None:
    change_tensors(
        pack, lambda voices: {name: table.astype(np.float16) for name, table in voices.items()}, VOICES
    )


@defect(R.NOT_FINITE, R.OUT_OF_RANGE, R.HALF_OVERFLOW)
def voice_of_wild_numbers(pack: Path, rng: random.Random) -> None:
    def change(voices: Arrays) -> Arrays:
        table = voices[rng.choice(sorted(voices))]
        table[rng.randrange(len(table)), rng.randrange(256)] = rng.choice([np.nan, np.inf, 1e3, -1e30])
        return voices

    change_tensors(pack, change, VOICES)


@defect(R.OUT_OF_RANGE)
def voice_that_no_network_knows(pack: Path, rng: random.Random) -> None:
    """Finite and small enough for weights, in a table or in factors; another voice than the first too."""
    numbers, where = np.random.default_rng(rng.randrange(2**32)), rng.randrange(20)

    def change(voices: Arrays) -> Arrays:
        name, size = rng.choice(sorted(voices)), rng.choice([0.6, 3.0, 30.0])
        table = voices.pop(name)
        wild = np.repeat(table[:1], 20, axis=0)
        wild[where] = size * numbers.standard_normal(256).clip(-3, 3)
        if rng.random() < 0.5:
            return voices | {name: wild}
        style = np.stack([wild[where] - table[0], table[1]])
        length = np.zeros((20, 2), np.float32)
        length[where, 0] = 1
        return voices | {f"{name}.mean": table[0], f"{name}.length": length, f"{name}.style": style}

    change_tensors(pack, change, VOICES)


@defect(R.TENSOR_SHAPE, R.TENSOR_DTYPE, R.TENSOR_UNEXPECTED)
def layers_that_are_none(pack: Path, rng: random.Random) -> None:
    """Of another network, in another type, of another voice's, or without a voice."""
    shape, kind = rng.choice([((58, 128), "<f4"), ((18, 127), "<f4"), ((128,), "<f4"), ((18, 128), "<i4")])
    layers = np.ones(shape, kind)

    def change(voices: Arrays) -> Arrays:
        if rng.random() < 0.3:
            del voices["am_two"]
            return voices | {"am_two.layers": np.ones((18, 128), np.float32)}
        return voices | {"am_two.layers": layers}

    change_tensors(pack, change, VOICES)


@defect(R.NOT_FINITE, R.OUT_OF_RANGE)
def layers_that_no_network_knows(pack: Path, rng: random.Random) -> None:
    layers = np.zeros((18, 128), np.float32)
    layers[rng.randrange(18), rng.randrange(128)] = rng.choice([np.nan, -np.inf, 7.0, -60.0])
    if rng.random() < 0.3:
        layers[rng.randrange(18)] = 2.0
    change_tensors(pack, lambda voices: voices | {"am_two.layers": layers}, VOICES)


@defect(R.TENSOR_SHAPE)
def picture_of_another_size(pack: Path, rng: random.Random) -> None:
    shape = rng.choice([(80, 41), (80,), (3000, 40), (80, 40, 1)])
    save_file({"line.0": np.ones(shape, np.float16)}, pack / PROBE)
    reseal(pack)


@defect(R.TENSOR_MISSING, R.TENSOR_UNEXPECTED)
def pictures_of_other_lines(pack: Path, rng: random.Random) -> None:
    names = rng.choice([("line.1",), ("line.0", "line.1"), ("line.00",), ("Line.0",)])
    save_file({name: np.ones((80, 40), np.float16) for name in names}, pack / PROBE)
    reseal(pack)


@defect(R.CHECKSUM_MISSING)
def bare_checkpoint_without_checksum(pack: Path, rng: random.Random) -> Path:
    target = bare(pack)
    beside = target.with_name(target.name + ".sha256")
    if rng.random() < 0.5:
        beside.write_text(rng.choice(["", "x" * 64, "0" * 63, "sha256 of it"]))
    return target


@defect(R.HASH_DIFFERS)
def bare_checkpoint_with_another_checksum(pack: Path, rng: random.Random) -> Path:
    target = bare(pack)
    target.with_name(target.name + ".sha256").write_text(f"{rng.randbytes(32).hex()}  {target.name}\n")
    return target


@defect(R.TENSOR_SHAPE, R.TENSOR_MISSING)
def bare_checkpoint_of_no_known_architecture(pack: Path, rng: random.Random) -> Path:
    target = bare(pack)
    digest = next(
        f["sha256"]
        for f in json.loads((pack / "manifest.json").read_bytes())["files"]
        if f["name"] == WEIGHTS
    )
    target.with_suffix(".sha256").write_text(digest)
    return target


def bare(pack: Path) -> Path:
    """The weights as a file beside the pack."""
    target = pack.with_name("my-voice-1.2.3.safetensors")
    target.write_bytes((pack / WEIGHTS).read_bytes())
    return target
