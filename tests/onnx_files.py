"""ONNX files as others export them: small ones, made with the library of the format."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, load_model, numpy_helper, save_model

FLOAT, STRING, INT64 = TensorProto.FLOAT, TensorProto.STRING, TensorProto.INT64
Shape = Sequence[int | str]


def saved(
    path: Path,
    nodes: Sequence[Any],
    inputs: Sequence[tuple[str, int, Shape]],
    outputs: Sequence[Any],
    constants: Sequence[tuple[str, Any]] = (),
) -> Path:
    described = [
        helper.make_tensor_value_info(*one) if isinstance(one, tuple) else one for one in outputs
    ]
    graph = helper.make_graph(
        nodes,
        "exported",
        [helper.make_tensor_value_info(*one) for one in inputs],
        described,
        [numpy_helper.from_array(np.array(value), name) for name, value in constants],
    )
    opsets = [helper.make_opsetid("", 17)]
    model: ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def regression(path: Path) -> Path:
    """Ten numbers to their sum and one: (batch, 10) to (batch,)."""
    nodes = [
        helper.make_node("ReduceSum", ["X", "axes"], ["sum"], keepdims=0),
        helper.make_node("Add", ["sum", "one"], ["variable"]),
    ]
    constants = [("axes", np.array([1])), ("one", np.float32(1))]
    return saved(path, nodes, [("X", FLOAT, ["N", 10])], [("variable", FLOAT, ["N"])], constants)


def image_classifier(path: Path) -> Path:
    """An image to the label of its brightness and both scores, with names as exporters give."""
    nodes = [
        helper.make_node("ReduceMean", ["input/image:0"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Neg", ["mean"], ["dark"]),
        helper.make_node("Unsqueeze", ["mean", "last"], ["column"]),
        helper.make_node("Unsqueeze", ["dark", "last"], ["other"]),
        helper.make_node("Concat", ["column", "other"], ["model_scores"], axis=1),
        helper.make_node("ArgMax", ["model_scores"], ["label"], axis=1, keepdims=0),
    ]
    return saved(
        path,
        nodes,
        [("input/image:0", FLOAT, ["batch", 3, 4, 4])],
        [("label", INT64, ["batch"]), ("model_scores", FLOAT, ["batch", 2])],
        [("last", np.array([1]))],
    )


def texts(path: Path) -> Path:
    """Tokens of any number and a text, each given back."""
    nodes = [
        helper.make_node("Identity", ["tokens"], ["copy"]),
        helper.make_node("Identity", ["class"], ["json"]),
    ]
    inputs = [("tokens", INT64, ["batch", "length"]), ("class", STRING, ["batch"])]
    return saved(path, nodes, inputs, [("copy", *inputs[0][1:]), ("json", *inputs[1][1:])])


def fixed_batch(path: Path) -> Path:
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    return saved(path, nodes, [("x", FLOAT, [1, 2])], [("y", FLOAT, [1, 2])])


def weights_elsewhere(path: Path) -> Path:
    """With a file of its weights beside it, as exporters write large models."""
    nodes = [helper.make_node("Add", ["x", "weights"], ["y"])]
    constants = [("weights", np.ones(500, np.float32))]
    saved(path, nodes, [("x", FLOAT, ["N", 500])], [("y", FLOAT, ["N", 500])], constants)
    save_model(load_model(path), path, save_as_external_data=True, location="weights")
    return path


def same_fields(path: Path) -> Path:
    nodes = [helper.make_node("Add", ["x", "X"], ["y"])]
    inputs = [("x", FLOAT, ["N"]), ("X", FLOAT, ["N"])]
    return saved(path, nodes, inputs, [("y", FLOAT, ["N"])])


def sequence(path: Path) -> Path:
    """An output that is no tensor, as scikit-learn's classifiers have it by default."""
    nodes = [helper.make_node("SequenceConstruct", ["x"], ["y"])]
    kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(FLOAT, ["N"]))
    return saved(path, nodes, [("x", FLOAT, ["N"])], [helper.make_value_info("y", kind)])
