"""Writes small ONNX models with other people's exporters, and what onnx infers of them.

Needs: torch (1.13 or later), onnx, onnxruntime, numpy. The files were made with torch 1.13.0, onnx 1.18.0 and
onnxruntime 1.24.2:

    python external-models.py write  FIXTURES            # packages/analysis/fixtures; then prettier --write
    python external-models.py shapes MODEL.onnx...       # JSON: {model: {value: [dtype, shape]}}
"""
import json
import os
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17


def torch_models():
    import torch
    from torch import nn

    torch.manual_seed(0)

    class ConvNet(nn.Module):
        """Convolutions, pooling, a flattened linear layer; any batch."""

        def __init__(self):
            super().__init__()
            self.first = nn.Conv2d(3, 6, 3, stride=2, padding=1)
            self.norm = nn.BatchNorm2d(6)
            self.second = nn.Conv2d(6, 8, 3, groups=2)
            self.head = nn.Linear(8, 5)

        def forward(self, image):
            x = torch.relu(self.norm(self.first(image)))
            x = torch.nn.functional.max_pool2d(x, 2)
            x = torch.nn.functional.hardswish(self.second(x))
            x = torch.nn.functional.interpolate(x, scale_factor=2.0)
            return torch.log_softmax(self.head(x.mean(dim=(2, 3))), dim=-1)

    class Block(nn.Module):
        """One transformer layer as BERT has it, written with views and transposes; any batch and length."""

        def __init__(self, vocabulary=20, width=12, heads=3):
            super().__init__()
            self.heads, self.size = heads, width // heads
            self.words = nn.Embedding(vocabulary, width)
            self.places = nn.Embedding(16, width)
            self.norm = nn.LayerNorm(width)
            self.qkv = nn.Linear(width, 3 * width)
            self.out = nn.Linear(width, width)
            self.up = nn.Linear(width, 2 * width)
            self.down = nn.Linear(2 * width, width)

        def forward(self, ids, mask):
            batch, length = ids.shape
            places = torch.arange(length).unsqueeze(0).expand(batch, length)
            x = self.norm(self.words(ids) + self.places(places))
            q, k, v = self.qkv(x).chunk(3, dim=-1)
            apart = lambda t: t.view(batch, length, self.heads, self.size).transpose(1, 2)
            scores = apart(q) @ apart(k).transpose(-1, -2) / self.size**0.5
            scores = scores + (1 - mask[:, None, None, :].float()) * -10000.0
            mixed = torch.softmax(scores, dim=-1) @ apart(v)
            x = x + self.out(mixed.transpose(1, 2).contiguous().view(batch, length, -1))
            return x + self.down(torch.nn.functional.gelu(self.up(x)))

    class Lstm(nn.Module):
        """Two directions, batch first, last state classified."""

        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(4, 5, bidirectional=True, batch_first=True)
            self.head = nn.Linear(10, 3)

        def forward(self, x):
            _, (state, _) = self.lstm(x)
            return self.head(torch.cat([state[0], state[1]], dim=-1))

    @torch.jit.script
    def repeat(x, turns: int):
        if bool(x.sum() > 0):
            y = x * 2.0
        else:
            y = x - 1.0
        for step in range(turns):
            y = y + torch.tanh(y) * step
        return y

    class Control(nn.Module):
        def forward(self, x, turns: int):
            return repeat(x, turns)

    dynamic = {
        "conv-net": (ConvNet().eval(), (torch.randn(2, 3, 20, 20),), ["image"], {"image": {0: "batch"}}),
        "bert-block": (
            Block().eval(),
            (torch.randint(0, 20, (2, 7)), torch.ones(2, 7, dtype=torch.int64)),
            ["ids", "mask"],
            {name: {0: "batch", 1: "length"} for name in ("ids", "mask")},
        ),
        "lstm": (Lstm().eval(), (torch.randn(2, 6, 4),), ["x"], {"x": {0: "batch"}}),
    }
    for name, (module, inputs, names, axes) in dynamic.items():
        path = os.path.join(tempfile.mkdtemp(), name + ".onnx")
        torch.onnx.export(module, inputs, path, input_names=names, dynamic_axes=axes, opset_version=16)
        yield name, onnx.load(path)
    script = torch.jit.script(Control())
    path = os.path.join(tempfile.mkdtemp(), "control-flow.onnx")
    torch.onnx.export(
        script, (torch.randn(2, 3), torch.tensor(4)), path, input_names=["x", "turns"], opset_version=16
    )
    yield "control-flow", onnx.load(path)


def fixed(model, **sizes):
    """The model with its symbolic sizes replaced, shapes inferred anew by onnx."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    del model.graph.value_info[:]
    for value in list(model.graph.input) + list(model.graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in sizes:
                dim.dim_value = sizes[dim.dim_param]
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    return onnx.shape_inference.infer_shapes(model, data_prop=True)


def quantized(model):
    """QDQ by onnxruntime: uint8 activations, int8 weights with one scale per channel."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self):
            random = np.random.default_rng(0)
            self.rows = iter([{"image": random.normal(size=(1, 3, 20, 20)).astype(np.float32)} for _ in range(3)])

        def get_next(self):
            return next(self.rows, None)

    folder = tempfile.mkdtemp()
    paths = [os.path.join(folder, name) for name in ("float.onnx", "ready.onnx", "qdq.onnx")]
    onnx.save(model, paths[0])
    quant_pre_process(paths[0], paths[1])
    quantize_static(
        paths[1],
        paths[2],
        Reader(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    return onnx.load(paths[2])


def operators_by_hand():
    """Operators exporters rarely write, with onnx's own helper; every shape is static."""
    random = np.random.default_rng(1)
    weights, nodes, count = [], [], iter(range(1000))

    def constant(array):
        name = f"c{next(count)}"
        weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def op(kind, *inputs, outputs=1, **attributes):
        names = [f"{kind}_{next(count)}" for _ in range(outputs)]
        nodes.append(helper.make_node(kind, list(inputs), names, name=names[0], **attributes))
        return names[0] if outputs == 1 else names

    ints = lambda *values: constant(np.array(values, np.int64))
    x = "x"
    a, b, c = op("Split", x, ints(2, 3, 3), outputs=3, axis=1)
    d = op("Pad", a, ints(0, 1, 0, 0, 2, 1), constant(np.float32(0)))
    e = op("Slice", x, ints(-1, 0), ints(-(2**62), 5), ints(1, 2), ints(-2, 2))
    f = op("GatherND", x, constant(np.array([[0, 1], [1, 7]], np.int64)))
    g = op("Tile", b, ints(1, 2, 3))
    h = op("Einsum", b, c, equation="bij,bkj->bik")
    i, j = op("TopK", x, ints(3), outputs=2, axis=-1, largest=1)
    k = op("OneHot", ints(1, 2, 0), ints(5), constant(np.array([0, 1], np.float32)), axis=0)
    m = op("ConvTranspose", x, constant(random.normal(size=(8, 2, 3)).astype(np.float32)), strides=[2], pads=[1, 0])
    n = op("AveragePool", x, kernel_shape=[3], strides=[2], ceil_mode=1, pads=[1, 1])
    o = op("DepthToSpace", op("Reshape", x, ints(1, 8, 2, -1)), blocksize=2)
    p = op("Resize", op("Unsqueeze", x, ints(1)), "", "", ints(2, 1, 16, 3))
    q = op("CumSum", x, constant(np.int64(1)))
    r = op("ReduceMean", x, ints(0, 2), keepdims=0)
    s = op("ArgMax", x, axis=-1, keepdims=0)
    t = op("Trilu", x)
    u = op("RMSNormalization", x, constant(np.ones(6, np.float32)), axis=-1)
    v = op("Where", op("Greater", x, constant(np.float32(0))), x, op("Gelu", x))
    w = op("Expand", op("Squeeze", op("Slice", x, ints(0), ints(1), ints(0)), ints(0)), ints(3, 8, 6))
    y = op("Gather", x, constant(np.array([[0, 1], [1, 0]], np.int64)), axis=2)
    z = op("ScatterND", x, constant(np.array([[0], [1]], np.int64)), op("Neg", x))
    sizes = op("Concat", op("Gather", op("Shape", x), ints(0)), ints(-1), axis=0)
    flat = op("Reshape", x, sizes)
    scale, zero = constant(np.float32(0.1)), constant(np.uint8(128))
    back = op("DequantizeLinear", op("QuantizeLinear", flat, scale, zero), scale, zero)
    outputs = [d, e, f, g, h, i, j, k, m, n, o, p, q, r, s, t, u, v, w, y, z, back]
    kinds = {j: TensorProto.INT64, s: TensorProto.INT64}
    graph = helper.make_graph(
        nodes,
        "by-hand",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 8, 6])],
        [helper.make_tensor_value_info(name, kinds.get(name, TensorProto.FLOAT), None) for name in outputs],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=11)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    for value, other in zip(model.graph.output, inferred.graph.output):
        value.CopyFrom(other)
    onnx.checker.check_model(model)
    return model


def inferred_shapes(path):
    """Every value's type as onnx infers it after the file's own notes are removed."""
    model = onnx.load(path, load_external_data=False)
    del model.graph.value_info[:]
    model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    graph = model.graph
    result = {}
    for value in list(graph.value_info) + list(graph.output):
        tensor = value.type.tensor_type
        if not value.type.HasField("tensor_type") or not tensor.HasField("shape"):
            continue
        shape = [d.dim_value if d.HasField("dim_value") else d.dim_param for d in tensor.shape.dim]
        result[value.name] = [tensor.elem_type, shape]
    return result


def write(folder):
    os.makedirs(folder, exist_ok=True)
    models = dict(torch_models())
    models["conv-net-qdq"] = quantized(fixed(models["conv-net"], batch=1))
    models["bert-block-static"] = fixed(models["bert-block"], batch=1, length=7)
    models["by-hand"] = operators_by_hand()
    expected = {}
    for name, model in models.items():
        if name == "bert-block-static":
            del model.graph.value_info[:]
        path = os.path.join(folder, name + ".onnx")
        onnx.save(model, path)
        assert os.path.getsize(path) < 20_000, (name, os.path.getsize(path))
        expected[name] = inferred_shapes(path)
        print(name, os.path.getsize(path), "bytes", len(model.graph.node), "nodes", len(expected[name]), "shapes")
    with open(os.path.join(folder, "onnx-shapes.json"), "w") as file:
        json.dump(expected, file, separators=(",", ":"), sort_keys=True)
        file.write("\n")


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "write":
        write(rest[0])
    else:
        json.dump({path: inferred_shapes(path) for path in rest}, sys.stdout)
