"""The int8 ONNX export of the same model through onnxruntime: what ours is measured against."""

import numpy as np
import onnx
import onnxruntime

from sidecar.engines.kokoro.vocabulary import VOCABULARY
from sidecar.models.default_voice import joined_parts
from sidecar.prosody.plan import Speaker

SAMPLE_RATE_HZ = 24_000


class OnnxPeer:
    """Speaks phoneme strings; `threads` CPU threads."""

    def __init__(self, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        providers = ["CPUExecutionProvider"]
        self.session = onnxruntime.InferenceSession(
            with_durations(joined_parts()), options, providers=providers
        )

    def speak(self, phonemes: str, speaker: Speaker, speed: float = 1.0) -> np.ndarray:
        """Samples at 24 kHz. The graph draws its own noise."""
        return self.run(phonemes, speaker, speed)[0]

    def run(self, phonemes: str, speaker: Speaker, speed: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Samples, and the frames of each phoneme and of the silences around them."""
        feeds = {
            "tokens": np.array([[0, *(VOCABULARY[symbol] for symbol in phonemes), 0]], dtype=np.int64),
            "style": speaker.row(len(phonemes))[None],
            "speed": np.array([speed], dtype=np.float32),
        }
        audio, durations = self.session.run(None, feeds)
        return audio.ravel(), durations.ravel().astype(int)


def with_durations(model: bytes) -> bytes:
    """The graph with its rounded durations as a second output."""
    graph = onnx.load_model_from_string(model)
    (rounded,) = [node.output[0] for node in graph.graph.node if node.op_type == "Clip"]
    graph.graph.output.append(onnx.ValueInfoProto(name=rounded))
    return graph.SerializeToString()
