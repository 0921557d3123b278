"""Write the ONNX graphs by which onnxruntime runs our Kokoro network: one a half, without weights.

    python tools/export_graphs.py [FOLDER] [--config config.json]

The modules of `sidecar/engines/kokoro` are the definition. This walks over them and writes what each
computes, for one row, in the layout in which onnxruntime is fast: [1, channels, time] where there are
convolutions, [time, channels] where there are matrix products. Weights are initializers outside of the file,
named as packs name their tensors; where a layer wants them in another order, the name says how (`#`, see
`sidecar/engines/kokoro/graph_weights.py`). Each graph comes twice, for float32 weights and for int8 ones.
"""

import argparse
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from sidecar.engines.graphs import Graph
from sidecar.engines.kokoro.albert import Albert, Attention
from sidecar.engines.kokoro.config import KokoroConfig
from sidecar.engines.kokoro.config_check import checked_config, compact_tensors
from sidecar.engines.kokoro.generator import Generator, ResBlock, Snake, Stage
from sidecar.engines.kokoro.graph_files import FORMS, GRAPHS, HALVES, archive_name
from sidecar.engines.kokoro.layers import NORM_EPS, AdaIN, AdaINBlock, AdaLayerNorm, BiLSTM
from sidecar.engines.kokoro.names import published_name
from sidecar.engines.kokoro.network import Kokoro
from sidecar.engines.kokoro.predictor import CurveHead, TextConv
from sidecar.engines.layers import NORM_EPS as BERT_EPS
from sidecar.engines.layers import Conv, Embedding, Linear, Upsample

OPSET, IR = 20, 9


class Writer:
    """A graph in the making. Values are named by the node that makes them; `weight` gives a pack's tensor."""

    def __init__(self, network: Kokoro, form: str) -> None:
        self.is_int8 = form == "int8"
        self.config, self._quantised = network.config, compact_tensors(network.config)
        self._published = {
            id(tensor): published_name(name, network.config) for name, tensor in network.named_parameters()
        }
        self.places = {id(module): place for place, module in enumerate(timbre_layers(network))}
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, onnx.TensorProto] = {}
        self.constants: dict[str, onnx.TensorProto] = {}

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes: object) -> str:
        """The name of the (first) result; further ones are called as it is, with `.1` and so on behind."""
        name = f"{kind}_{len(self.nodes)}"
        names = [name, *(f"{name}.{number}" for number in range(1, outputs))]
        self.nodes.append(helper.make_node(kind, inputs, names, name=name, **attributes))
        return name

    def constant(self, value: object, dtype: type = np.float32) -> str:
        array = np.asarray(value, dtype)
        name = f"constant {array.dtype} {array.tolist()}"
        self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def ints(self, *values: int) -> str:
        return self.constant(values, np.int64)

    def published(self, tensor: object) -> str:
        return self._published[id(tensor)]

    def weight(self, tensor: object, change: str = "", shape: Sequence[int] = ()) -> str:
        """A pack's tensor, of `shape` where `change` arranges it otherwise."""
        name = self.published(tensor)
        return self.stored(name, change, tuple(shape or tensor.shape))  # type: ignore[attr-defined]

    def stored(self, name: str, change: str, shape: tuple[int, ...]) -> str:
        full = name + change
        if not (self.is_int8 and name in self._quantised):
            return self._outside(full, TensorProto.FLOAT, shape)
        if full in self.weights:
            return full + " restored"
        self._outside(full, TensorProto.INT8, shape)
        scale = self._outside(full + ".scale", TensorProto.FLOAT, shape[:1])
        zero = self._outside(full + ".zero", TensorProto.INT8, shape[:1])
        restored = full + " restored"
        self.nodes.append(
            helper.make_node("DequantizeLinear", [full, scale, zero], [restored], name=restored, axis=0)
        )
        return restored

    def _outside(self, name: str, kind: int, shape: tuple[int, ...]) -> str:
        if name not in self.weights:
            tensor = TensorProto(name=name, data_type=kind, dims=shape, data_location=TensorProto.EXTERNAL)
            tensor.external_data.add(key="location", value="weights")
            self.weights[name] = tensor
        return name

    def model(self, name: str, inputs: dict[str, tuple[int, tuple]], outputs: dict[str, tuple]) -> Graph:
        """`inputs` with type and shape; `outputs` with the value that each is, and its shape."""
        for output, (value, _) in outputs.items():
            self.nodes.append(helper.make_node("Identity", [value], [output], name=f"as {output}"))
        graph = helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info(key, kind, shape) for key, (kind, shape) in inputs.items()],
            [
                helper.make_tensor_value_info(key, TensorProto.FLOAT, shape)
                for key, (_, shape) in outputs.items()
            ],
            [*self.constants.values(), *self.weights.values()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
        model.producer_name = "npc-voice"
        return Graph(model.SerializeToString(deterministic=True), tuple(sorted(self.weights)))


def timbre_layers(network: Kokoro) -> list[AdaIN]:
    """All that listen to the timbre, in the order in which the graph takes it."""
    return [module for module in network.decoder.modules() if isinstance(module, AdaIN)]


# --- layers over [time, channels] ---


def linear(g: Writer, layer: Linear, x: str) -> str:
    return g.op("Gemm", x, g.weight(layer.weight), g.weight(layer.bias), transB=1)


def embedding(g: Writer, table: Embedding, tokens: str) -> str:
    return g.op("Gather", g.weight(table.weight), tokens, axis=0)


def recurrent(g: Writer, layer: BiLSTM, x: str) -> str:
    """[T, in] -> [T, 2H]: both directions' results already lie beside each other."""
    hidden, inputs = layer.lstm.hidden_size, layer.lstm.input_size
    name = g.published(layer.lstm.weight_ih_l0).removesuffix(".weight_ih_l0")
    matrices = [
        g.op("Reshape", g.stored(f"{name}.weight_{kind}_l0", "#gates", (8 * hidden, width)), shape)
        for kind, width, shape in (
            ("ih", inputs, g.ints(2, 4 * hidden, inputs)),
            ("hh", hidden, g.ints(2, 4 * hidden, hidden)),
        )
    ]
    bias = g.stored(f"{name}.bias", "#gates", (2, 8 * hidden))
    x = g.op("Unsqueeze", x, g.ints(1))  # a batch of one
    y = g.op("LSTM", x, *matrices, bias, direction="bidirectional", hidden_size=hidden)
    return g.op("Reshape", y, g.ints(-1, 2 * hidden))  # [T, 2, 1, H]


def style_of(g: Writer, layer: AdaIN | AdaLayerNorm, s: str) -> tuple[str, str]:
    """What a style [1, style] makes of gain and bias, each [channels]."""
    both = g.op("Reshape", linear(g, layer.fc, s), g.ints(-1))
    gamma = g.op("Split", both, outputs=2, axis=0, num_outputs=2)
    return g.op("Add", gamma, g.constant(1)), f"{gamma}.1"


def ada_layer_norm(g: Writer, layer: AdaLayerNorm, x: str, s: str) -> str:
    return g.op("LayerNormalization", x, *style_of(g, layer, s), axis=-1, epsilon=NORM_EPS)


def layer_norm(g: Writer, x: str, gain: object, bias: object, eps: float) -> str:
    return g.op("LayerNormalization", x, g.weight(gain), g.weight(bias), axis=-1, epsilon=eps)


def bert(g: Writer, net: Albert, tokens: str) -> str:
    tables = net.embeddings
    kind = g.op("Gather", g.weight(tables.token_type_embeddings.weight), g.constant(0, np.int64), axis=0)
    positions = g.op(
        "Slice", g.weight(tables.position_embeddings.weight), g.ints(0), g.op("Shape", tokens), g.ints(0)
    )
    x = g.op("Add", embedding(g, tables.word_embeddings, tokens), kind)
    x = g.op("Add", x, positions)
    x = layer_norm(g, x, tables.LayerNorm.weight, tables.LayerNorm.bias, BERT_EPS)
    x = linear(g, net.embedding_hidden_mapping_in, x)
    layer = net.layer
    for _ in range(net.depth):
        x = attention(g, layer.attention, x)
        y = g.op("Gelu", linear(g, layer.ffn, x), approximate="tanh")
        y = g.op("Add", x, linear(g, layer.ffn_output, y))
        norm = layer.full_layer_layer_norm
        x = layer_norm(g, y, norm.weight, norm.bias, BERT_EPS)
    return x


def attention(g: Writer, layer: Attention, x: str) -> str:
    heads, hidden = layer.heads, layer.query.in_features
    split = g.ints(-1, heads, hidden // heads)
    q, k, v = (
        g.op("Reshape", linear(g, each, x), split) for each in (layer.query, layer.key, layer.value)
    )  # [T, heads, head]
    q, v = (g.op("Transpose", each, perm=[1, 0, 2]) for each in (q, v))
    q = g.op("Mul", q, g.constant((hidden // heads) ** -0.5))
    weights = g.op("Softmax", g.op("MatMul", q, g.op("Transpose", k, perm=[1, 2, 0])), axis=-1)
    y = g.op("Transpose", g.op("MatMul", weights, v), perm=[1, 0, 2])
    y = linear(g, layer.dense, g.op("Reshape", y, g.ints(-1, hidden)))
    return layer_norm(g, g.op("Add", x, y), layer.LayerNorm.weight, layer.LayerNorm.bias, BERT_EPS)


# --- layers over [1, channels, time] ---


def upright(g: Writer, x: str) -> str:
    """[T, C] -> [1, C, T]."""
    return g.op("Unsqueeze", g.op("Transpose", x, perm=[1, 0]), g.ints(0))


def lying(g: Writer, x: str) -> str:
    """[1, C, T] -> [T, C]."""
    return g.op("Transpose", g.op("Squeeze", x, g.ints(0)), perm=[1, 0])


def conv(g: Writer, layer: Conv, x: str) -> str:
    bias = [] if layer.bias is None else [g.weight(layer.bias)]
    return g.op(
        "Conv", x, g.weight(layer.weight), *bias, kernel_shape=[layer.weight.shape[2]],
        pads=[layer.padding] * 2, strides=[layer.stride], dilations=[layer.dilation],
    )  # fmt: skip


def column(g: Writer, vector: str) -> str:
    """[C] or [1, C, 1] -> [1, C, 1]."""
    return g.op("Reshape", vector, g.ints(1, -1, 1))


def ada_in(g: Writer, layer: AdaIN, x: str, s: str, lift: str | None = None) -> str:
    """`s` is [layers, style] for the decoder's, of which each has its own row; [1, style] for others."""
    place = g.places.get(id(layer))
    own = s if place is None else g.op("Gather", s, g.ints(place), axis=0)
    gain, bias = style_of(g, layer, own)
    if lift is not None:
        bias = g.op("Add", bias, lift)
    return g.op("InstanceNormalization", x, gain, bias, epsilon=NORM_EPS)


def twice(g: Writer, x: str, channels: int, other: str | None = None) -> str:
    """[1, C, T] -> [1, C, 2T]: each step and, behind it, itself or that of `other`."""
    pair = [g.op("Unsqueeze", each, g.ints(3)) for each in (x, other or x)]
    return g.op("Reshape", g.op("Concat", *pair, axis=3), g.ints(1, channels, -1))


def pooled(g: Writer, block: AdaINBlock, x: str) -> str:
    """`DepthwiseUpsample`."""
    layer, channels = block.pool, block.pool.weight.shape[0]  # type: ignore[union-attr]
    left = g.op("Split", g.weight(layer.weight), outputs=3, axis=2, num_outputs=3)  # type: ignore[union-attr]
    left, centre, right = (column(g, name) for name in (left, f"{left}.1", f"{left}.2"))
    bias = column(g, g.weight(layer.bias))  # type: ignore[union-attr]
    far = g.constant(np.iinfo(np.int64).max, np.int64)
    shifted = g.op("Slice", x, g.ints(1), g.op("Reshape", far, g.ints(1)), g.ints(2))
    following = g.op("Pad", shifted, g.ints(0, 0, 0, 0, 0, 1))
    even = g.op("Add", g.op("Mul", x, centre), bias)
    odd = g.op("Add", g.op("Add", g.op("Mul", x, right), g.op("Mul", following, left)), bias)
    return twice(g, even, channels, odd)


def ada_in_block(g: Writer, block: AdaINBlock, x: str, s: str) -> str:
    y = g.op("LeakyRelu", ada_in(g, block.norm1, x, s), alpha=0.2)
    shortcut = x
    if block.pool is not None:
        y = pooled(g, block, y)
        shortcut = twice(g, x, block.pool.weight.shape[0])
    y = conv(g, block.conv1, y)
    y = conv(g, block.conv2, g.op("LeakyRelu", ada_in(g, block.norm2, y, s), alpha=0.2))
    if block.conv1x1 is not None:
        shortcut = conv(g, block.conv1x1, shortcut)
    return g.op("Mul", g.op("Add", y, shortcut), g.constant(0.5**0.5))


def curve(g: Writer, head: CurveHead, x: str, s: str) -> str:
    for block in head.blocks:
        x = ada_in_block(g, block, x, s)
    return g.op("Reshape", conv(g, head.proj, x), g.ints(-1))


def text_conv(g: Writer, layer: TextConv, x: str) -> str:
    y = layer_norm(g, lying(g, conv(g, layer.conv, x)), layer.gamma, layer.beta, NORM_EPS)
    return upright(g, g.op("LeakyRelu", y, alpha=0.2))


def upsample(g: Writer, layer: Upsample, x: str) -> str:
    """A convolution over two steps that gives `stride` steps at once, and their order."""
    inputs, outputs, kernel = layer.weight.shape
    stride = kernel // 2
    weight = g.weight(layer.weight, "#steps", (stride * outputs, inputs, 2))
    y = g.op("Conv", x, weight, kernel_shape=[2], pads=[1, 1])  # [1, out * stride, T + 1]
    y = g.op("Reshape", y, g.ints(outputs, stride, -1))
    y = g.op("Reshape", g.op("Transpose", y, perm=[0, 2, 1]), g.ints(1, outputs, -1))
    y = g.op("Slice", y, g.ints(stride // 2), g.ints(-(stride - stride // 2)), g.ints(2))
    return g.op("Add", y, column(g, g.weight(layer.bias)))


def snake(g: Writer, layer: Snake, x: str, s: str) -> str:
    """``y + sin(alpha y)^2 / alpha`` as in `Snake.forward`; the norm adds the constant of 0.5 / alpha."""
    alpha = g.weight(layer.alpha)  # [1, C, 1]
    half = g.op("Div", g.constant(0.5), alpha)
    y = ada_in(g, layer.norm, x, s, lift=g.op("Reshape", half, g.ints(-1)))
    wave = g.op("Mul", y, g.op("Mul", alpha, g.constant(2)))
    wave = g.op("Cos", g.op("Sub", wave, g.constant(1)))
    return g.op("Sub", y, g.op("Mul", wave, half))


def res_block(g: Writer, block: ResBlock, x: str, s: str) -> str:
    for conv1, conv2, snake1, snake2 in zip(
        block.convs1, block.convs2, block.snakes1, block.snakes2, strict=True
    ):
        y = conv(g, conv1, snake(g, snake1, x, s))
        x = g.op("Add", x, conv(g, conv2, snake(g, snake2, y, s)))
    return x


def stage(g: Writer, layer: Stage, x: str, source: str, s: str) -> str:
    x = upsample(g, layer.up, g.op("LeakyRelu", x, alpha=0.1))
    if layer.is_last:
        first = g.op("Slice", x, g.ints(1), g.ints(2), g.ints(2))
        x = g.op("Concat", first, x, axis=2)
    x = g.op("Add", x, res_block(g, layer.noise_res, conv(g, layer.noise_conv, source), s))
    blocks = [res_block(g, block, x, s) for block in layer.resblocks]
    total = blocks[0]
    for block in blocks[1:]:
        total = g.op("Add", total, block)
    return g.op("Mul", total, g.constant(1 / len(blocks)))


def generator(g: Writer, net: Generator, x: str, s: str, source: str) -> str:
    """[1, channels, 2F] -> log magnitude and phase [n_fft + 2, M]."""
    for layer in net.stages:
        x = stage(g, layer, x, source, s)
    y = conv(g, net.conv_post, g.op("LeakyRelu", x, alpha=0.01))
    return g.op("Squeeze", y, g.ints(0))


# --- the three graphs ---


def durations(g: Writer, net: Kokoro) -> Graph:
    """`tokens` [T], `manner` [1, style] -> `features` [T, hidden + style], `steps` [T]: frames at speed 1."""
    config = net.config
    x = linear(g, net.bert_encoder, bert(g, net.bert, "tokens"))
    shape = g.op("Concat", g.op("Shape", "tokens"), g.ints(config.style), axis=0)
    style = g.op("Expand", "manner", shape)
    x = g.op("Concat", x, style, axis=1)
    encoder = net.predictor.text_encoder
    for lstm, norm in zip(encoder.lstms, encoder.norms, strict=True):
        x = g.op("Concat", ada_layer_norm(g, norm, recurrent(g, lstm, x), "manner"), style, axis=1)
    steps = linear(g, net.predictor.duration_proj, recurrent(g, net.predictor.lstm, x))
    steps = g.op("ReduceSum", g.op("Sigmoid", steps), g.ints(1), keepdims=0)
    return g.model(
        "durations",
        {"tokens": (TensorProto.INT64, ("T",)), "manner": (TensorProto.FLOAT, (1, config.style))},
        {"features": (x, ("T", config.hidden + config.style)), "steps": (steps, ("T",))},
    )


def curves(g: Writer, net: Kokoro) -> Graph:
    """`features` [F, hidden + style], `manner` [1, style] -> `f0`, `energy`, each [2F]."""
    config = net.config
    x = upright(g, recurrent(g, net.predictor.shared, "features"))
    heads = {"f0": net.predictor.F0, "energy": net.predictor.N}
    return g.model(
        "curves",
        {
            "features": (TensorProto.FLOAT, ("F", config.hidden + config.style)),
            "manner": (TensorProto.FLOAT, (1, config.style)),
        },
        {name: (curve(g, head, x, "manner"), ("2F",)) for name, head in heads.items()},
    )


def render(g: Writer, net: Kokoro) -> Graph:
    """`tokens` [T], `index` [F] (token of each frame), `f0` and `energy` [2F], `timbre` [layers, style],
    `source` [n_fft + 2, M] (magnitude and phase) -> `spectrum`, likewise, with log magnitude."""
    config, decoder = net.config, net.decoder
    x = upright(g, embedding(g, net.text_encoder.embedding, "tokens"))
    for layer in net.text_encoder.cnn:
        x = text_conv(g, layer, x)
    text = recurrent(g, net.text_encoder.lstm, lying(g, x))
    text = upright(g, g.op("Gather", text, "index", axis=0))
    f0, n = (
        conv(g, layer, g.op("Unsqueeze", name, g.ints(0, 1)))
        for layer, name in ((decoder.F0_conv, "f0"), (decoder.N_conv, "energy"))
    )
    x = ada_in_block(g, decoder.encode, g.op("Concat", text, f0, n, axis=1), "timbre")
    residual = conv(g, decoder.asr_res, text)
    for block in decoder.decode:
        x = ada_in_block(g, block, g.op("Concat", x, residual, f0, n, axis=1), "timbre")
    source = g.op("Unsqueeze", "source", g.ints(0))
    spectrum = generator(g, decoder.generator, x, "timbre", source)
    bins = config.n_fft + 2
    return g.model(
        "render",
        {
            "tokens": (TensorProto.INT64, ("T",)),
            "index": (TensorProto.INT64, ("F",)),
            "f0": (TensorProto.FLOAT, ("2F",)),
            "energy": (TensorProto.FLOAT, ("2F",)),
            "timbre": (TensorProto.FLOAT, (len(g.places), config.style)),
            "source": (TensorProto.FLOAT, (bins, "M")),
        },
        {"spectrum": (spectrum, (bins, "M"))},
    )


WRITERS = dict(zip(HALVES, (durations, curves, render), strict=True))


def export(config: KokoroConfig, folder: Path) -> Path:
    """Write all graphs of a configuration into an archive, the same bytes each time; its path."""
    network, path = Kokoro(config), folder / archive_name(config)
    with zipfile.ZipFile(path, "w") as archive:
        for half, write in WRITERS.items():
            for form in FORMS:
                graph = write(Writer(network, form), network)
                add(archive, f"{half}-{form}.onnx", graph.model)
                add(archive, f"{half}-{form}.txt", "\n".join(graph.weights).encode())
    return path


def add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    member = zipfile.ZipInfo(name)  # of no time, so that an archive is the same whenever it is written
    member.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(member, content, compresslevel=9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=GRAPHS)
    parser.add_argument("--config", type=Path, help="another configuration, as a manifest has it")
    given = parser.parse_args()
    config = checked_config(json.loads(given.config.read_text())) if given.config else KokoroConfig()
    given.folder.mkdir(parents=True, exist_ok=True)
    path = export(config, given.folder)
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
