#!/usr/bin/env python3
"""Compiles ONNX files with a vendor's compiler. Reads a JSON line {"path"} per file from stdin and writes a JSON line with the result to stdout.

    compile.py versions                 what is installed, one JSON line
    compile.py read                     ONNX Runtime itself, which says what files it can read
    compile.py qnn SOC                  Qualcomm's HTP compiler for a SoC model number, through ONNX Runtime's QNN provider

An answer is {"whole": bool, "nodes": {name: provider}, "error": text}: `whole` says that no node was left to the CPU, `nodes` has the nodes
that ONNX Runtime still had when it asked the providers, so those it had folded are missing. `error` is of a graph that did not
compile; its nodes are then those asked before the failure, or none. A file may end this process: run it as a child.
"""

import importlib.metadata
import json
import sys

PACKAGES = ["onnxruntime", "onnxruntime-qnn"]
CPU = "CPUExecutionProvider"


class OnnxRuntime:
    """A plug-in provider of ONNX Runtime, with the CPU provider for all other nodes."""

    def __init__(self, name, library, options):
        import onnxruntime

        self.runtime, self.options = onnxruntime, options
        onnxruntime.register_execution_provider_library(name, library)
        self.devices = [device for device in onnxruntime.get_ep_devices() if device.ep_name == name]
        if not self.devices:
            raise SystemExit(f"{name} offers no device here")

    def compile(self, path):
        options = self.runtime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        options.add_provider_for_devices(self.devices[:1], self.options)
        session = self.runtime.InferenceSession(path, options, enable_fallback=False)
        asked = session.get_provider_graph_assignment_info()
        nodes = {node.name: part.ep_name for part in asked for node in part.get_nodes()}
        return {"whole": all(provider != CPU for provider in nodes.values()), "nodes": nodes}


class Reader:
    """ONNX Runtime's CPU provider. A file counts as read even if the provider does not have an operator."""

    def compile(self, path):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        onnxruntime.InferenceSession(path, options, providers=[CPU], enable_fallback=False)
        return {"whole": True, "nodes": {}}


def qnn(soc):
    import onnxruntime_qnn

    # Without the fallback, the provider quantizes inputs and outputs of a graph; otherwise the CPU does by default.
    options = {
        "backend_path": onnxruntime_qnn.get_qnn_htp_path(),
        "soc_model": soc,
        "offload_graph_io_quantization": "0",
    }
    return OnnxRuntime("QNNExecutionProvider", onnxruntime_qnn.get_library_path(), options)


COMPILERS = {"read": Reader, "qnn": qnn}


def first_line(error):
    return str(error).strip().split("\n")[0][:300]


def main():
    name, *arguments = sys.argv[1:]
    if name == "versions":
        print(json.dumps({package: importlib.metadata.version(package) for package in PACKAGES}))
        return
    compiler = COMPILERS[name](*arguments)
    print(json.dumps({"ready": name}), flush=True)
    for line in sys.stdin:
        try:
            answer = compiler.compile(json.loads(line)["path"])
        except Exception as error:  # Whatever the compiler raises is its answer.
            answer = {"whole": False, "nodes": {}, "error": first_line(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
