#!/usr/bin/env python3
"""ONNX's backend tests for onnx-backend-tests.mjs: writes them with what onnx infers, runs files before and after.

Needs the packages `onnx` and `onnxruntime`.

    onnx_backend_tests.py write FOLDER              every test's model and data, and shapes.jsonl: what onnx infers
    onnx_backend_tests.py compare BEFORE AFTER      one JSON line for each model of AFTER, held against BEFORE's
"""

import json
import pathlib
import shutil
import sys
import warnings

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference

# What the tests overflow on purpose, numpy says on stderr.
warnings.simplefilter("ignore")

DATA = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data"
STORED_KINDS = ["simple", "pytorch-converted", "pytorch-operator"]


def node_cases():
    from onnx.backend.test.case import node

    return node.collect_testcases(None)


def store(value, name):
    if isinstance(value, onnx.TensorProto):
        return value
    if isinstance(value, (list, tuple, dict)) or value is None:
        return None
    return numpy_helper.from_array(np.asarray(value), name)


def write_case(case, folder):
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    for number, (inputs, outputs) in enumerate(case.data_sets):
        data = folder / f"test_data_set_{number}"
        data.mkdir()
        for kind, infos, values in [("input", case.model.graph.input, inputs), ("output", case.model.graph.output, outputs)]:
            for index, (info, value) in enumerate(zip(infos, values)):
                tensor = store(value, info.name)
                if tensor is not None:
                    (data / f"{kind}_{index}.pb").write_bytes(tensor.SerializeToString())


def type_of(value):
    """Element type and sizes of a value that is a tensor: a number, a name, or None."""
    if value.type.WhichOneof("value") != "tensor_type":
        return None
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return [tensor.elem_type, None]
    sizes = []
    for dim in tensor.shape.dim:
        known = dim.WhichOneof("value")
        sizes.append(dim.dim_value if known == "dim_value" and dim.dim_value >= 0 else dim.dim_param or None)
    return [tensor.elem_type, sizes]


def types_in(graph, path, found):
    """Values by name, those of bodies behind the path of their node and attribute."""
    for value in [*graph.value_info, *graph.output]:
        kind = type_of(value)
        if kind is not None and kind[0] != 0:
            found[path + value.name] = kind
    for index, node in enumerate(graph.node):
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                types_in(attribute.g, f"{path}{index}/{attribute.name}/", found)


def strip(graph):
    """Takes away what a file says of its outputs' sizes, so that they are inferred."""
    for value in graph.output:
        if value.type.WhichOneof("value") == "tensor_type":
            value.type.tensor_type.ClearField("shape")
    del graph.value_info[:]


def inferred(model):
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    strip(bare.graph)
    found = {}
    try:
        types_in(shape_inference.infer_shapes(bare, data_prop=True).graph, "", found)
    except Exception as error:  # Whatever a peer raises: it knows nothing of this model.
        return {"error": str(error).splitlines()[0]}
    return {"values": found}


def actual(folder):
    """Types of the outputs that the test's data have."""
    found = {}
    model = onnx.load(folder / "model.onnx", load_external_data=False)
    for data in sorted(folder.glob("test_data_set_*")):
        for index, info in enumerate(model.graph.output):
            tensor = read_tensor(data / f"output_{index}.pb")
            if tensor is not None:
                found[info.name] = [tensor.data_type, list(tensor.dims)]
    return found


def read_tensor(path):
    if not path.exists():
        return None
    tensor = onnx.TensorProto()
    try:
        tensor.ParseFromString(path.read_bytes())
    except Exception:  # A sequence or an optional.
        return None
    return tensor if tensor.data_type in (1, *range(2, 29)) else None


def write(folder):
    root = pathlib.Path(folder)
    if root.exists():
        shutil.rmtree(root)
    for case in node_cases():
        write_case(case, root / "node" / case.name)
    for kind in STORED_KINDS:
        shutil.copytree(DATA / kind, root / kind, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    with (root / "shapes.jsonl").open("w") as file:
        for path in sorted(root.rglob("model.onnx")):
            name = str(path.parent.relative_to(root))
            model = onnx.load(path, load_external_data=False)
            row = {"name": name, "onnx": inferred(model), "data": actual(path.parent)}
            file.write(json.dumps(row) + "\n")
    (root / "versions.json").write_text(json.dumps({"onnx": onnx.__version__}))


def same(a, b):
    if isinstance(a, list) or isinstance(b, list):
        return isinstance(a, list) and isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    if a is None or b is None:
        return a is b
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind in "OUS":
        return bool((a == b).all())
    return a.tobytes() == b.tobytes()


def number_bytes(tensor, folder):
    """A tensor by what it says, whichever way it is stored."""
    if tensor.data_type == onnx.TensorProto.STRING:
        return ("string", tuple(tensor.dims), tuple(tensor.string_data))
    array = numpy_helper.to_array(tensor, str(folder))
    return (tensor.data_type, tuple(tensor.dims), array.tobytes())


def plain_attribute(attribute, folder):
    if attribute.type == onnx.AttributeProto.TENSOR:
        return (attribute.name, number_bytes(attribute.t, folder))
    if attribute.type == onnx.AttributeProto.GRAPH:
        return (attribute.name, plain_graph(attribute.g, folder))
    bare = onnx.AttributeProto()
    bare.CopyFrom(attribute)
    bare.ClearField("doc_string")
    return (attribute.name, bare.SerializeToString(deterministic=True))


def plain_node(node, folder):
    attributes = sorted((plain_attribute(a, folder) for a in node.attribute), key=lambda pair: pair[0])
    domain = "" if node.domain == "ai.onnx" else node.domain
    return (node.op_type, domain, node.name, tuple(node.input), tuple(node.output), tuple(attributes))


def plain_graph(graph, folder):
    """What a graph computes: nodes in their order, numbers, and the names and types of what is fed and fetched."""
    weights = {tensor.name: number_bytes(tensor, folder) for tensor in graph.initializer}
    values = lambda infos: tuple((v.name, json.dumps(type_of(v))) for v in infos)
    return (
        tuple(plain_node(node, folder) for node in graph.node),
        tuple(sorted(weights.items())),
        values(v for v in graph.input if v.name not in weights),
        values(graph.output),
    )


def plain_model(path):
    model = onnx.load(path, load_external_data=False)
    opsets = tuple(sorted(("" if o.domain == "ai.onnx" else o.domain, o.version) for o in model.opset_import))
    return (opsets, plain_graph(model.graph, path.parent))


def run(path, data):
    """All outputs, or the words of a rejection."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        names = [value.name for value in session.get_inputs()]
        return session.run(None, {name: data[name] for name in names if name in data})
    except Exception as error:  # Whatever the runtime raises is the answer.
        return f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"


def feeds_of(folder):
    model = onnx.load(folder / "model.onnx", load_external_data=False)
    data = folder / "test_data_set_0"
    feeds = {}
    for index, info in enumerate(model.graph.input):
        tensor = read_tensor(data / f"input_{index}.pb")
        if tensor is not None:
            feeds[info.name] = numpy_helper.to_array(tensor)
    return feeds


def compare(before, after):
    import onnxruntime

    before, after = pathlib.Path(before), pathlib.Path(after)
    print(json.dumps({"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}), flush=True)
    for path in sorted(after.rglob("model.onnx")):
        name = path.parent.relative_to(after)
        original = before / name / "model.onnx"
        row = {"name": str(name), "same": plain_model(original) == plain_model(path)}
        try:
            feeds = feeds_of(before / name)
        except Exception as error:
            row["run"] = f"no data: {str(error).splitlines()[0]}"
            print(json.dumps(row), flush=True)
            continue
        first = run(original, feeds)
        if isinstance(first, str):
            row["run"] = "not by the original"
            row["why"] = first
        else:
            second = run(path, feeds)
            row["run"] = second if isinstance(second, str) else "same" if same(first, second) else "different"
        print(json.dumps(row), flush=True)


def main():
    command, *arguments = sys.argv[1:]
    {"write": write, "compare": compare}[command](*arguments)


if __name__ == "__main__":
    main()
