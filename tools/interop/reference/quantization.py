"""Compares static quantization and block weights with onnxruntime's own tool, node by node.

    python3 -m venv venv && venv/bin/pip install onnx onnx-ir onnxruntime numpy
    npm run build && venv/bin/python tools/interop/reference/quantization.py [EXPORT_DIR]

Three external models are made here (a convolutional one, a BERT-like encoder, a stack of Gemm and Relu); an exported
encoder of ours is a fourth, if its directory is given. For each: the same operators are quantized, the same tensors get
QuantizeLinear and DequantizeLinear, and scales and zero points agree within one unit in the last place. The outputs of both are
compared with the original's, too: relative error (root of the sum of squares), ours no more than 2 % above the tool's.
Blocks are also quantized as `slm quantize` does by default (`search`), whose error has to be no larger than the tool's.
Prints one line per case and exits 1 if any disagrees.
"""

import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer

HERE = Path(__file__).parent
RANDOM = np.random.default_rng(7)
F = np.float32


# How much larger our error may be: both round the same numbers, not always to the same side.
WORSE = 1.02


def weights(*shape, scale=0.3):
    return (RANDOM.standard_normal(shape) * scale).astype(F)


class Model:
    """Collects nodes and initializers of a model."""

    def __init__(self, name, inputs, outputs):
        self.name, self.inputs, self.outputs, self.nodes, self.initializers = name, inputs, outputs, [], []

    def constant(self, name, value):
        self.initializers.append(numpy_helper.from_array(value, name))
        return name

    def op(self, op_type, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op_type, inputs, [output], name=f"node_{output}", **attributes))
        return output

    def save(self, path, opset=21):
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, path)


def value(name, shape, dtype=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def convolutional(path):
    m = Model("conv", [value("image", ["batch", 3, 16, 16])], [value("logits", ["batch", 10])])
    x = m.op("Conv", ["image", m.constant("w1", weights(8, 3, 3, 3)), m.constant("b1", weights(8))], "c1", pads=[1] * 4)
    x = m.op("Relu", [x], "r1")
    x = m.op("MaxPool", [x], "p1", kernel_shape=[2, 2], strides=[2, 2])
    y = m.op("Conv", [x, m.constant("w2", weights(8, 8, 3, 3)), m.constant("b2", weights(8))], "c2", pads=[1] * 4)
    y = m.op("Clip", [y, m.constant("zero", F(0)), m.constant("six", F(6))], "r2")
    x = m.op("Add", [x, y], "sum")
    x = m.op("AveragePool", [x], "p2", kernel_shape=[2, 2], strides=[2, 2])
    x = m.op("Concat", [x, x], "joined", axis=1)
    x = m.op("GlobalAveragePool", [x], "gap")
    x = m.op("Flatten", [x], "flat")
    m.op("Gemm", [x, m.constant("w3", weights(10, 16)), m.constant("b3", weights(10))], "logits", transB=1)
    m.save(path)
    return [{"image": RANDOM.standard_normal((2, 3, 16, 16)).astype(F)} for _ in range(6)], []


def bert(path):
    width, heads, length = 32, 4, 12
    m = Model("bert", [value("ids", ["batch", length], TensorProto.INT64), value("mask", ["batch", 1, 1, length])],
              [value("logits", ["batch", length, 50])])
    shape = m.constant("shape", np.array([0, 0, heads, width // heads], np.int64))
    back = m.constant("back", np.array([0, 0, width], np.int64))
    x = m.op("Gather", [m.constant("table", weights(50, width, scale=1)), "ids"], "embedded")
    for layer in range(2):
        def linear(x, inputs, outputs, name):
            x = m.op("MatMul", [x, m.constant(f"{name}.w", weights(inputs, outputs))], f"{name}.product")
            return m.op("Add", [x, m.constant(f"{name}.b", weights(outputs))], f"{name}.sum")

        def norm(x, name):
            scale = m.constant(f"{name}.g", 1 + weights(width, scale=0.1))
            return m.op("LayerNormalization", [x, scale, m.constant(f"{name}.c", weights(width))], name, axis=-1)

        p = f"l{layer}."
        q, k, v = (m.op("Reshape", [linear(x, width, width, p + n), shape], p + n + ".split") for n in "qkv")
        q = m.op("Transpose", [q], p + "q.heads", perm=[0, 2, 1, 3])
        k = m.op("Transpose", [k], p + "k.heads", perm=[0, 2, 3, 1])
        v = m.op("Transpose", [v], p + "v.heads", perm=[0, 2, 1, 3])
        s = m.op("Div", [m.op("MatMul", [q, k], p + "scores"), m.constant(p + "root", F(np.sqrt(width / heads)))], p + "scaled")
        s = m.op("Softmax", [m.op("Add", [s, "mask"], p + "masked")], p + "shares", axis=-1)
        a = m.op("Transpose", [m.op("MatMul", [s, v], p + "mixed")], p + "merged", perm=[0, 2, 1, 3])
        x = norm(m.op("Add", [x, linear(m.op("Reshape", [a, back], p + "attention"), width, width, p + "o")], p + "r1"), p + "n1")
        h = linear(x, width, 2 * width, p + "up")
        e = m.op("Erf", [m.op("Div", [h, m.constant(p + "sqrt2", F(np.sqrt(2)))], p + "g1")], p + "g2")
        h = m.op("Mul", [h, m.op("Add", [e, m.constant(p + "one", F(1))], p + "g3")], p + "g4")
        x = norm(m.op("Add", [x, linear(h, 2 * width, width, p + "down")], p + "r2"), p + "n2")
    m.op("MatMul", [x, m.constant("head", weights(width, 50))], "logits")
    m.save(path)
    def feed():
        mask = np.where(RANDOM.random((2, 1, 1, length)) < 0.2, -10.0, 0.0).astype(F)
        return {"ids": RANDOM.integers(0, 50, (2, length)), "mask": mask}
    return [feed() for _ in range(6)], []


def dense(path):
    m = Model("dense", [value("x", ["rows", 24])], [value("y", ["rows", 4])])
    x = "x"
    for layer, (k, n) in enumerate([(24, 40), (40, 40), (40, 4)]):
        bias = m.constant(f"b{layer}", weights(n, scale=1e-3 if layer else 50))
        x = m.op("Gemm", [x, m.constant(f"w{layer}", weights(k, n, scale=1e-4 if layer == 0 else 0.3)), bias],
                 "y" if layer == 2 else f"h{layer}", beta=0.5 if layer == 1 else 1.0)
        if layer < 2:
            x = m.op("LeakyRelu", [x], f"a{layer}") if layer == 0 else m.op("Mul", [x, m.constant("m", weights(40))], "a1")
    m.save(path)
    return [{"x": RANDOM.standard_normal((5, 24)).astype(F)} for _ in range(6)], []


def with_types(model):
    """Tells the types of all values: the tool infers none behind operators of domain com.microsoft."""
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    known = {o.name for o in model.graph.output}
    names = [name for node in model.graph.node for name in node.output if name and name not in known]
    probe.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = onnxruntime.InferenceSession(probe.SerializeToString())
    kinds = {"tensor(float)": TensorProto.FLOAT, "tensor(int64)": TensorProto.INT64, "tensor(int32)": TensorProto.INT32,
             "tensor(bool)": TensorProto.BOOL}
    model.graph.value_info.extend(value(o.name, o.shape, kinds[o.type]) for o in session.get_outputs() if o.name not in known)
    return model


def ours(directory):
    def make(path):
        onnx.save(with_types(onnx.load(Path(directory) / "encoder.onnx")), path)
        # One length: the tool's histograms want equal shapes.
        ids = [RANDOM.integers(4, 30, (3, 6)).astype(np.int32) for _ in range(5)]
        return [{"source_ids": i, "source_lengths": np.array([6, 6, 6], np.int32)} for i in ids], []
    return make


def write_safetensors(path, tensors):
    kinds = {np.dtype(F): "F32", np.dtype(np.int64): "I64", np.dtype(np.int32): "I32"}
    header, data = {}, b""
    for name, array in tensors.items():
        raw = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": kinds[array.dtype], "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


class Reader(CalibrationDataReader):
    def __init__(self, feeds):
        self.feeds = iter(feeds)

    def get_next(self):
        return next(self.feeds, None)


TYPES = {"int8": QuantType.QInt8, "uint8": QuantType.QUInt8, "uint16": QuantType.QUInt16, "int16": QuantType.QInt16,
         "int4": QuantType.QInt4}
METHODS = {"minmax": CalibrationMethod.MinMax, "percentile": CalibrationMethod.Percentile,
           "entropy": CalibrationMethod.Entropy}


def describe(path):
    """Q, DQ and other nodes, and the constants they read, by name."""
    graph = onnx.load(path).graph
    constants = {init.name: numpy_helper.to_array(init) for init in graph.initializer}
    nodes = {}
    for node in graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            attributes = {k: v for k, v in attributes.items() if k == "axis"}
        nodes[node.name or node.output[0]] = (node, attributes)
    return nodes, constants


def ulps(a, b):
    """Largest distance of two float32 arrays in units in the last place."""
    a, b = (np.atleast_1d(np.asarray(x, F)).view(np.int32).astype(np.int64) for x in (a, b))
    return int(np.max(np.abs(a - b))) if a.size else 0


def compare(theirs, own):
    (nodes, constants), (own_nodes, own_constants) = describe(theirs), describe(own)
    found = {"nodes": len(nodes), "pairs": 0, "scale_ulps": 0, "zero": 0, "code": 0, "weights": 0, "problems": []}
    def key(nodes):
        return {name: (node.op_type, node.domain) for name, (node, _) in nodes.items()}
    for name, kind in key(nodes).items() ^ key(own_nodes).items():
        found["problems"].append(f"only one side: {kind[0]} {name}")
    for name, (node, attributes) in nodes.items():
        if name not in own_nodes or node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            continue
        other, other_attributes = own_nodes[name]
        if attributes != other_attributes:
            found["problems"].append(f"{name}: attributes {attributes} and {other_attributes}")
        scale, own_scale = constants[node.input[1]], own_constants[other.input[1]]
        zero, own_zero = constants[node.input[2]], own_constants[other.input[2]]
        if scale.shape != own_scale.shape or zero.shape != own_zero.shape or zero.dtype != own_zero.dtype:
            found["problems"].append(f"{name}: {scale.shape} {zero.dtype} and {own_scale.shape} {own_zero.dtype}")
            continue
        found["pairs"] += 1
        found["scale_ulps"] = max(found["scale_ulps"], ulps(scale, own_scale))
        found["zero"] = max(found["zero"], int(np.max(np.abs(zero.astype(np.int64) - own_zero.astype(np.int64)))))
        if node.input[0] in constants:
            if other.input[0] not in own_constants:
                found["problems"].append(f"{name}: a constant on one side only")
                continue
            codes, own_codes = (c.astype(np.int64) for c in (constants[node.input[0]], own_constants[other.input[0]]))
            found["weights"] += 1
            found["code"] = max(found["code"], int(np.max(np.abs(codes - own_codes))))
    return found


def run_all(path, feeds):
    """Outputs of a file on all feeds, side by side."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    made = [output for feed in feeds for output in session.run(None, feed)]
    return np.concatenate([output.astype(np.float64).ravel() for output in made])


def errors(folder, feeds):
    """Relative error of the outputs, theirs and ours."""
    exact = run_all(folder / "model.onnx", feeds)
    size = np.linalg.norm(exact)
    return {f"{name}_error": float(np.linalg.norm(run_all(folder / f"{name}.onnx", feeds) - exact) / size)
            for name in ("theirs", "own")}


def run_own(folder, request):
    path = folder / "request.json"
    path.write_text(json.dumps(request))
    subprocess.run(["node", str(HERE / "quantize-static.mjs"), str(path)], check=True)


def static_case(folder, name, make, activations, weight, method, options):
    folder.mkdir()
    feeds, exclude = make(folder / "model.onnx")
    (folder / "feeds").mkdir()
    for at, feed in enumerate(feeds):
        write_safetensors(folder / "feeds" / f"{at:03}.safetensors", feed)
    extra = {"CalibTensorRangeSymmetric": False, **({"CalibPercentile": 99.9} if method == "percentile" else {})}
    quantize_static(folder / "model.onnx", folder / "theirs.onnx", Reader(feeds), quant_format=QuantFormat.QDQ,
                    activation_type=TYPES[activations], weight_type=TYPES[weight], calibrate_method=METHODS[method],
                    nodes_to_exclude=exclude, extra_options=extra, **options)
    # The tool's own default for entropy: as many bins as levels.
    calibration = {"method": method, **({"percentile": 99.9} if method == "percentile" else {}),
                   **({"bins": 128} if method == "entropy" else {})}
    run_own(folder, {"model": str(folder / "model.onnx"), "feeds": str(folder / "feeds"), "output": str(folder / "own.onnx"),
                     "activations": activations, "weights": weight, "calibration": calibration, "exclude": exclude,
                     "perChannel": options.get("per_channel", False), "reduceRange": options.get("reduce_range", False)})
    return {**compare(folder / "theirs.onnx", folder / "own.onnx"), **errors(folder, feeds)}


def block_case(folder, bits, block, symmetric, method="rtn"):
    """MatMulNBits of one matrix whose last block is not full; by another method than the tool's only errors are compared."""
    folder.mkdir()
    m = Model("matrix", [value("x", ["rows", 100])], [value("y", ["rows", 48])])
    m.op("MatMul", ["x", m.constant("w", weights(100, 48))], "y")
    m.save(folder / "model.onnx")
    # Level 4, as ours have it: inputs are rounded to int8 block by block.
    config = DefaultWeightOnlyQuantConfig(block_size=block, is_symmetric=symmetric, accuracy_level=4, bits=bits)
    theirs = MatMulNBitsQuantizer(onnx.load(folder / "model.onnx"), bits=bits, algo_config=config)
    theirs.process()
    run_own(folder, {"model": str(folder / "model.onnx"), "output": str(folder / "own.onnx"),
                     "blocks": {"bits": bits, "blockSize": block, "symmetric": symmetric, "method": method}})
    onnx.save(theirs.model.model, folder / "theirs.onnx")
    error = errors(folder, [{"x": RANDOM.standard_normal((64, 100)).astype(F)}])
    if method != "rtn":
        return {"nodes": 1, "pairs": 0, "scale_ulps": 0, "zero": 0, "weights": 1, "code": 0, "problems": [], **error}
    node = next(n for n in theirs.model.model.graph.node if n.op_type == "MatMulNBits")
    constants = {i.name: numpy_helper.to_array(i) for i in theirs.model.model.graph.initializer}
    own = onnx.load(folder / "own.onnx").graph
    own_node = next(n for n in own.node if n.op_type == "MatMulNBits")
    own_constants = {i.name: numpy_helper.to_array(i) for i in own.initializer}
    def codes(node, constants):
        raw = constants[node.input[1]].reshape(48, -1)
        low = raw if bits == 8 else np.stack([raw & 15, raw >> 4], -1).reshape(48, -1)
        return low[:, :100].astype(np.int64)
    scales, own_scales = constants[node.input[2]].reshape(-1), own_constants[own_node.input[2]].reshape(-1)
    zero = 0
    problems = []
    if symmetric != (len(own_node.input) < 4 or own_node.input[3] == ""):
        problems.append("zero points on one side only")
    if not symmetric:
        blocks = -(-100 // block)
        def zeros(raw):
            raw = raw.reshape(48, -1)
            # Of an odd number of blocks the last nibble means nothing.
            return (raw if bits == 8 else np.stack([raw & 15, raw >> 4], -1).reshape(48, -1))[:, :blocks].astype(np.int64)
        zero = int(np.max(np.abs(zeros(constants[node.input[3]]) - zeros(own_constants[own_node.input[3]]))))
    return {"nodes": 1, "pairs": scales.size, "scale_ulps": ulps(scales, own_scales), "zero": zero, "weights": 1,
            "code": int(np.max(np.abs(codes(node, constants) - codes(own_node, own_constants)))), "problems": problems, **error}


def main():
    makers = {"conv": convolutional, "bert": bert, "dense": dense}
    if len(sys.argv) > 1:
        makers["ours"] = ours(sys.argv[1])
    per_channel = {"per_channel": True}
    cases = [("int8", "int8", "minmax", {}), ("int8", "int8", "minmax", per_channel), ("uint8", "int8", "minmax", per_channel),
             ("uint8", "int8", "minmax", {**per_channel, "reduce_range": True}), ("uint16", "int8", "minmax", per_channel),
             ("uint16", "int4", "minmax", per_channel), ("uint8", "int8", "entropy", per_channel),
             ("uint8", "int8", "percentile", per_channel)]
    failed = 0
    def report(name, found):
        nonlocal failed
        no_worse = found["own_error"] <= WORSE * found["theirs_error"] + 1e-6
        good = no_worse and not found["problems"] and max(found["scale_ulps"], found["zero"], found["code"]) <= 1
        failed += not good
        print(f"{'same' if good else 'DIFFERENT':9} {name:52} nodes {found['nodes']:4}  pairs {found['pairs']:4}  "
              f"scale <= {found['scale_ulps']} ulp  zero <= {found['zero']}  weights {found['weights']:3}  code <= {found['code']}  "
              f"error ours {found['own_error']:.5f} theirs {found['theirs_error']:.5f}")
        for problem in found["problems"][:6]:
            print("          ", problem)
    with tempfile.TemporaryDirectory() as root:
        for name, make in makers.items():
            for at, (activations, weight, method, options) in enumerate(cases):
                case = f"{name} {activations}/{weight} {method} {' '.join(options)}"
                report(case, static_case(Path(root) / f"{name}{at}", name, make, activations, weight, method, options))
        for bits in (4, 8):
            for block in (16, 32, 128):
                for symmetric in (True, False):
                    case = f"blocks {bits} bits, {block}, {'symmetric' if symmetric else 'asymmetric'}"
                    report(case, block_case(Path(root) / f"b{bits}{block}{symmetric}", bits, block, symmetric))
                    if bits == 4:
                        folder = Path(root) / f"s{block}{symmetric}"
                        report(f"{case}, search", block_case(folder, bits, block, symmetric, "search"))
    print(f"{failed} cases differ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
