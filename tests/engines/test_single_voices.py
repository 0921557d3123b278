"""Files of single voices are told by their content, taken in any precision, and refused in plain words."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from sidecar.engines.kokoro.single_voices import join, read, settle
from sidecar.engines.kokoro.voices import Voices, write_published
from sidecar.prosody.plan import Floats
from sidecar.protocol.errors import ModelRejected

VOICES = "voices.safetensors"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Floats:
    """[510, 256]: a blend, as people make them."""
    published = tmp_path_factory.mktemp("published") / VOICES
    write_published(published)
    voices = Voices.load(published)
    return np.ascontiguousarray(0.7 * voices.table("af_heart") + 0.3 * voices.table("am_adam"))


def tensor(table: Floats) -> torch.Tensor:
    return torch.from_numpy(table[:, None])


def zipped(save: Callable[..., None], file: Path, **arrays: np.ndarray) -> None:
    """`numpy.savez` adds an ending of its own."""
    save(file.with_suffix(".npz"), **arrays)
    file.with_suffix(".npz").rename(file)


FORMS: dict[str, tuple[str, Callable[[Path, Floats], object]]] = {
    "tensor": ("af_mine.pt", lambda file, t: torch.save(tensor(t), file)),
    "half": ("af_mine.pt", lambda file, t: torch.save(tensor(t).half(), file)),
    "bfloat16": ("af_mine.pt", lambda file, t: torch.save(tensor(t).bfloat16(), file)),
    "double": ("af_mine.pth", lambda file, t: torch.save(tensor(t).double(), file)),
    "of training": ("af_mine.pt", lambda file, t: torch.save(torch.nn.Parameter(tensor(t)), file)),
    "strided": ("af_mine.pt", lambda file, t: torch.save(tensor(t).mT.contiguous().mT, file)),
    "old torch": (
        "af_mine.pt",
        lambda file, t: torch.save(tensor(t), file, _use_new_zipfile_serialization=False),
    ),
    "by name": ("other.pt", lambda file, t: torch.save({"af_mine": tensor(t)}, file)),
    "one row": ("af_mine.pt", lambda file, t: torch.save(tensor(t)[100], file)),
    "savez called bin": ("voices-v1.0.bin", lambda file, t: zipped(np.savez, file, af_mine=t[:, None])),
    "packed": ("v.bin", lambda file, t: zipped(np.savez_compressed, file, af_mine=t.astype(np.float16))),
    "npz without names": ("af_mine.npz", lambda file, t: np.savez(file, t)),
    "raw": ("af_mine.bin", lambda file, t: t.tofile(file)),
    "npy": ("af_mine.npy", lambda file, t: np.save(file, t[:, None])),
    "npy by columns": ("af_mine.npy", lambda file, t: np.save(file, np.asfortranarray(t))),
    "big-endian": ("af_mine.npy", lambda file, t: np.save(file, t.astype(">f4"))),
    "safetensors": ("x.safetensors", lambda file, t: save_file({"af_mine": t.astype(np.float16)}, file)),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_voice_is_taken_in_every_form_that_people_pass_on(form: str, table: Floats, tmp_path: Path):
    name, save = FORMS[form]
    save(tmp_path / name, table)
    contents = read([tmp_path / name], tmp_path)
    assert contents.speakers == contents.added == ("af_mine",) and contents.config is None
    taken = load_file(tmp_path / VOICES)["af_mine"]
    expected = table[100:101] if form == "one row" else table
    assert taken.dtype == np.float32 and taken.shape == expected.shape
    assert np.abs(taken - expected).max() <= 2**-8 * np.abs(expected).max()


class Bomb:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> object:
        return (Path.touch, (self.marker,))


def bomb(file: Path) -> Bomb:
    return Bomb(file.with_name("exploded"))


def halved(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:9999])


#: Name, what writes it, words of the refusal.
BROKEN: dict[str, tuple[str, Callable[[Path, Floats], object], str]] = {
    "bomb": ("x.pt", lambda f, t: f.write_bytes(pickle.dumps(bomb(f))), "not a plain"),
    "objects": ("x.npy", lambda f, t: np.save(f, np.array([bomb(f)])), "pickle"),
    "objects by name": ("x.bin", lambda f, t: zipped(np.savez, f, a=np.array([bomb(f)])), "pickle"),
    "half a file": ("x.pt", lambda f, t: (torch.save(tensor(t), f), halved(f)), "plain"),
    "half an npz": ("x.bin", lambda f, t: (zipped(np.savez, f, a=t), halved(f)), r"x\.bin"),
    "empty": ("x.bin", lambda f, t: f.touch(), "neither a voice nor"),
    "sound": ("x.bin", lambda f, t: f.write_bytes(b"RIFF" + bytes(1001)), "neither a voice nor"),
    "pointer": ("x.pt", lambda f, t: f.write_text("version https://git-lfs.github.com/spec/v1"), "lfs pull"),
    "narrow": ("x.pt", lambda f, t: torch.save(torch.zeros(510, 1, 128), f), r"float32\[510, 1, 128\].*256"),
    "long": ("x.npy", lambda f, t: np.save(f, np.zeros((2000, 256), np.float32)), "1024 rows"),
    "whole numbers": ("x.npy", lambda f, t: np.save(f, t.astype(int)), "int64"),
    "a model": ("x.pt", lambda f, t: torch.save({"net": {"a": tensor(t)}}, f), "something else"),
    "without arrays": ("x.npz", lambda f, t: np.savez(f), "neither a voice nor"),
    "not finite": ("x.pt", lambda f, t: torch.save(tensor(t) * float("nan"), f), "finite"),
    "beyond single": ("x.npy", lambda f, t: np.save(f, t.astype(float) * 1e300), "finite"),
    "far away": ("x.pt", lambda f, t: torch.save(tensor(t) * 20, f), "expected .* to"),
    "without a name": ("小明.npy", lambda f, t: np.save(f, t), "a name is 1 to 64 of A-Z"),
    "two called alike": (
        "x.npz", lambda f, t: np.savez(f, **{"john.v2": t, "john v2": t}), "would both be called 'john_v2'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", BROKEN)
def test_what_is_no_voice_is_refused_in_plain_words(form: str, table: Floats, tmp_path: Path):
    name, save, words = BROKEN[form]
    save(tmp_path / name, table)
    with pytest.raises(ModelRejected, match=words):
        read([tmp_path / name], tmp_path)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("john.v2", "john_v2"),
        ("My Zoë (1)", "My_Zoe_1"),
        ("_x", "x"),
        ("x" * 90, "x" * 64),
        ("ok-1_2", "ok-1_2"),
    ],
)
def test_a_name_is_made_fit_and_told(name: str, called: str, table: Floats, tmp_path: Path):
    np.save(tmp_path / f"{name}.npy", table)
    contents = read([tmp_path / f"{name}.npy"], tmp_path)
    assert contents.added == (called,)
    assert contents.notes == (() if name == called else (f"voice {name!r} is called {called!r}",))


def test_voices_join_others_and_win_over_those_called_alike(table: Floats, tmp_path: Path):
    other = tmp_path / "other"
    other.mkdir()
    published = write_published(other / VOICES)
    np.savez(tmp_path / "x.npz", af_heart=table, mine=table)
    read([tmp_path / "x.npz"], tmp_path)
    assert join(tmp_path, other) == tuple(sorted({*published, "mine"}))
    voices, before = Voices.load(tmp_path / VOICES), Voices.load(other / VOICES)
    assert np.array_equal(voices.table("af_heart"), table)
    assert np.array_equal(voices.table("bm_george"), before.table("bm_george"))


def test_a_packs_own_file_is_brought_to_single_precision(table: Floats, tmp_path: Path):
    low_rank = {"b.mean": table[0], "b.length": table[:, :2], "b.style": table[:2]}
    tensors = {"a": table[:, None], **low_rank}
    save_file({key: value.astype(np.float16) for key, value in tensors.items()}, tmp_path / VOICES)
    assert settle(tmp_path / VOICES) == ("a", "b")
    settled = load_file(tmp_path / VOICES)
    assert settled.keys() == tensors.keys() and all(array.dtype == np.float32 for array in settled.values())


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (
            ("john.v2", "john.v1"),
            r"cannot be called 'john\.v\d': a name is 1 to 64 .*; the nearest is 'john_v\d'",
        ),
        (("my voice",), "the nearest is 'my_voice'"),
        (("小明",), "a name is 1 to 64 of A-Z a-z 0-9 _ -, the first a letter or digit$"),
        (("a.mean",), r"voice 'a' lacks 'a\.length': it is a table, or mean, length, style"),
    ],
)
def test_a_name_in_a_packs_own_file_that_none_can_have_is_refused_with_the_rule(
    names: tuple[str, ...], words: str, table: Floats, tmp_path: Path
):
    save_file({name: table for name in names}, tmp_path / VOICES)
    with pytest.raises(ModelRejected, match=words):
        settle(tmp_path / VOICES)
