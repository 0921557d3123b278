"""Graphs without weights, run by onnxruntime with those of a pack."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException

from sidecar.engines.arrays import Array
from sidecar.engines.graphs import Graph
from sidecar.engines.onnx_runtime import RUNTIME


class Session:
    """A graph with weights, on the CPU. One thread at a time may run it."""

    def __init__(self, graph: Graph, weight: Callable[[str], Array]) -> None:
        """`weight` gives each initializer by name; they are shared, not copied."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = RUNTIME.threads
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # what a line took goes back with it
        options.enable_mem_pattern = False
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(weight(name)) for name in graph.weights]
        options.add_external_initializers(list(graph.weights), values)
        self._session: onnxruntime.InferenceSession = onnxruntime.InferenceSession(
            graph.model, options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, inputs: Mapping[str, Array]) -> list[npt.NDArray[np.float32]]:
        """The outputs, in the graph's order."""
        try:
            return self._session.run(None, dict(inputs))
        except RuntimeException as error:  # no RuntimeError, though that is what it is
            raise RuntimeError(str(error)) from error
