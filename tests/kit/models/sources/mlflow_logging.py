"""Logs a model as users of MLflow do: `mlflow_logging.py URL NAME sklearn`, `onnx` or `pickle`.

In a process of its own, because all of MLflow is not among what a project asks for.
"""

# pyright: basic, reportMissingImports=false, reportPrivateImportUsage=false

import sys

import mlflow
import numpy as np


def estimator():
    from sklearn.linear_model import LinearRegression

    rows = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    return LinearRegression().fit(rows, np.array([1.0, 3.0, 4.0]))


def onnx_model():
    """The same regression."""
    from onnx import TensorProto, helper, numpy_helper

    weights = numpy_helper.from_array(np.array([[2.0], [3.0]], dtype=np.float32), "w")
    bias = numpy_helper.from_array(np.array([1.0], dtype=np.float32), "b")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["m"]), helper.make_node("Add", ["m", "b"], ["y"])],
        "price",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 1])],
        [weights, bias],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


url, name, flavor = sys.argv[1:]
mlflow.set_tracking_uri(url)
mlflow.set_experiment("prices")
with mlflow.start_run():
    if flavor == "onnx":
        mlflow.onnx.log_model(onnx_model(), name="m", registered_model_name=name)
    else:
        kind = {"sklearn": "skops", "pickle": "cloudpickle"}[flavor]
        mlflow.sklearn.log_model(
            estimator(), name="m", registered_model_name=name, serialization_format=kind
        )
mlflow.MlflowClient().set_registered_model_alias(name, "champion", "1")
