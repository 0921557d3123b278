"""Packs right in every byte, tensor and signature, whose sound is wrong: the probe must tell.

The pictures are the honest ones, or none that could matter: what does not sound like speech is
refused before it is compared, so a liar gains nothing by recording the picture again.
"""

import random
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from sidecar.protocol.reasons import Reason as R
from tests.attacks.packs import PROBE, VOICES, Arrays, change_manifest, change_tensors, manifest_of, reseal
from tests.attacks.registry import defect

LAST = "decoder.generator.conv_post"
DURATIONS = "predictor.duration_proj.linear_layer"

#: Pairs of one shape whose exchange can be heard.
PAIRS = (
    ("predictor.F0.1.conv1x1.weight", "predictor.N.1.conv1x1.weight"),
    ("predictor.F0.0.norm1.fc.weight", "predictor.text_encoder.lstms.1.fc.weight"),
    ("decoder.generator.resblocks.2.convs2.0.weight", "decoder.generator.resblocks.2.convs2.1.weight"),
    ("decoder.decode.3.norm1.fc.weight", "decoder.decode.2.norm1.fc.weight"),
    ("text_encoder.cnn.0.0.weight", "text_encoder.cnn.2.0.weight"),
    ("text_encoder.lstm.weight_ih_l0", "text_encoder.lstm.weight_ih_l0_reverse"),
    (
        "bert.encoder.albert_layer_groups.0.albert_layers.0.attention.query.weight",
        "bert.encoder.albert_layer_groups.0.albert_layers.0.attention.value.weight",
    ),
)


@defect(R.PROBE_DIFFERS, sounding=True)
def swapped_tensors(pack: Path, rng: random.Random) -> None:
    one, other = rng.choice(PAIRS)

    def change(arrays: Arrays) -> Arrays:
        arrays[one], arrays[other] = arrays[other], arrays[one]
        return arrays

    change_tensors(pack, change)


@defect(R.PROBE_LENGTH, R.PROBE_NOT_SPEECH, sounding=True)
def random_weights(pack: Path, rng: random.Random) -> None:
    """Of the very size, mean and spread of the true ones."""
    numbers = np.random.default_rng(rng.randrange(2**32))
    change_tensors(
        pack,
        lambda arrays: {
            name: (
                a.mean(dtype=np.float32) + a.std(dtype=np.float32) * numbers.standard_normal(a.shape)
            ).astype(a.dtype)
            for name, a in arrays.items()
        },
    )


@defect(R.PROBE_NOT_SPEECH, R.PROBE_LEVEL, sounding=True)
def random_decoder(pack: Path, rng: random.Random) -> None:
    """Rhythm and tune are the true ones, only the sound is noise."""
    numbers = np.random.default_rng(rng.randrange(2**32))

    def change(arrays: Arrays) -> Arrays:
        for name, a in arrays.items():
            if name.startswith("decoder.") and a.size > 1:
                arrays[name] = (a.std(dtype=np.float32) * numbers.standard_normal(a.shape)).astype(a.dtype)
        return arrays

    change_tensors(pack, change)


@defect(R.PROBE_LENGTH, R.PROBE_NOT_SPEECH, sounding=True)
def shuffled_weights(pack: Path, rng: random.Random) -> None:
    numbers = np.random.default_rng(rng.randrange(2**32))
    change_tensors(
        pack,
        lambda arrays: {name: numbers.permutation(a.ravel()).reshape(a.shape) for name, a in arrays.items()},
    )


@defect(R.PROBE_DIFFERS, R.PROBE_NOT_SPEECH, R.PROBE_LENGTH, R.PROBE_LEVEL, R.PROBE_CLIPPED, sounding=True)
def scaled_weights(pack: Path, rng: random.Random) -> None:
    factor = np.float16(rng.choice([0.5, 0.8, 0.9, 1.1, 1.25]))
    change_tensors(pack, lambda arrays: {name: a * factor for name, a in arrays.items()})


@defect(R.PROBE_LEVEL, sounding=True)
def almost_silent_weights(pack: Path, rng: random.Random) -> None:
    """Too quiet to hear, without a zero anywhere."""
    shift = np.float16(rng.uniform(4, 12))

    def change(arrays: Arrays) -> Arrays:
        arrays[f"{LAST}.bias"][:11] -= shift  # the log magnitudes
        return arrays

    change_tensors(pack, change)


@defect(R.PROBE_CLIPPED, sounding=True)
def weights_that_clip(pack: Path, rng: random.Random) -> None:
    shift = np.float16(rng.uniform(2.5, 5))

    def change(arrays: Arrays) -> Arrays:
        arrays[f"{LAST}.bias"][:11] += shift
        return arrays

    change_tensors(pack, change)


@defect(R.PROBE_NOT_FINITE, sounding=True)
def weights_that_divide_by_zero(pack: Path, rng: random.Random) -> None:
    """Snake divides by its alpha."""

    def change(arrays: Arrays) -> Arrays:
        alphas = sorted(name for name in arrays if ".resblocks." in name and ".alpha" in name)
        arrays[rng.choice(alphas)].flat[0] = 0
        return arrays

    change_tensors(pack, change)


@defect(R.PROBE_LENGTH, sounding=True)
def endless_phonemes(pack: Path, rng: random.Random) -> None:
    bias = np.float16(rng.uniform(8, 40))

    def change(arrays: Arrays) -> Arrays:
        arrays[f"{DURATIONS}.bias"] += bias
        return arrays

    change_tensors(pack, change)


@defect(R.PROBE_LENGTH, R.PROBE_NOT_SPEECH, R.PROBE_DIFFERS, sounding=True)
def hasty_phonemes(pack: Path, rng: random.Random) -> None:
    bias = np.float16(rng.uniform(8, 40))

    def change(arrays: Arrays) -> Arrays:
        arrays[f"{DURATIONS}.bias"] -= bias
        return arrays

    change_tensors(pack, change)


@defect(R.PROBE_DIFFERS, sounding=True)
def exchanged_voices(pack: Path, rng: random.Random) -> None:
    other = rng.choice(["am_adam", "bf_emma", "am_puck"])

    def change(voices: Arrays) -> Arrays:
        for part in ("mean", "length", "style"):
            one, two = f"af_heart.{part}", f"{other}.{part}"
            voices[one], voices[two] = voices[two], voices[one]
        return voices

    change_tensors(pack, change, VOICES)


@defect(R.PROBE_CLIPPED, R.PROBE_LEVEL, R.PROBE_LENGTH, R.PROBE_NOT_SPEECH, sounding=True)
def voices_that_the_probe_leaves_out(pack: Path, rng: random.Random) -> None:
    """Numbers of a voice's size, which are none."""
    numbers = np.random.default_rng(rng.randrange(2**32))
    spoken = {line["speaker"] for line in manifest_of(pack)["probe"]["lines"]}

    def change(voices: Arrays) -> Arrays:
        names = {name.partition(".")[0] for name in voices} - spoken
        kept = {name: table for name, table in voices.items() if name.partition(".")[0] in spoken}
        wild = {name: 0.2 * numbers.standard_normal((1, 256)).clip(-3, 3) for name in sorted(names)}
        return kept | {name: table.astype(np.float32) for name, table in wild.items()}

    change_tensors(pack, change, VOICES)


@defect(R.PROBE_DIFFERS, sounding=True)
def pictures_of_something_else(pack: Path, rng: random.Random) -> None:
    numbers = np.random.default_rng(rng.randrange(2**32))
    lines = len(manifest_of(pack)["probe"]["lines"])
    frames = rng.choice([20, 80, 90])
    pictures = {f"line.{n}": numbers.uniform(-8, 0, (frames, 40)).astype(np.float16) for n in range(lines)}
    save_file(pictures, pack / PROBE)
    reseal(pack)


@defect(R.PROBE_DIFFERS, sounding=True)
def another_line_than_the_picture(pack: Path, rng: random.Random) -> None:
    probe = manifest_of(pack)["probe"]
    probe["lines"][0] |= rng.choice([{"speaker": "am_adam"}, {"text": "[[Halt|hˈɔlt]]! [[Who|hˌu]]?"}])
    change_manifest(pack, probe=probe)


@defect(R.PROBE_REFUSED, sounding=True)
def line_that_cannot_be_spoken(pack: Path, rng: random.Random) -> None:
    probe = manifest_of(pack)["probe"]
    probe["lines"][0]["text"] = rng.choice(["[[Halt|世]]!", "[[Halt|", "☃☃☃"])
    change_manifest(pack, probe=probe)
