"""Compiles one ONNX graph for one SoC with Qualcomm's HTP compiler, CPU fallback disabled, and runs it on the HTP simulator.

    python compile_graph.py GRAPH.onnx --soc 60 --context OUT_ctx.onnx [--feeds FEEDS.npz]

Prints one JSON object: status (compiled, refused), message, seconds, peak memory of this process and bytes of the context binary;
with feeds, for every output the cosine and the largest distance to ONNX Runtime's CPU provider. Numbers of outputs are simulated,
and the time of the simulator is not reported: it says nothing about a device. The vendor's library may end the process, so the
caller starts one process per graph.

Needs: onnxruntime, onnxruntime-qnn, numpy.
"""

import argparse
import json
import os
import resource
import time

import numpy as np
import onnxruntime

from htp import htp_options


def context_bytes(context: str) -> int:
    """Size of the EPContext model and of the binaries beside it."""
    folder, name = os.path.split(context)
    stem = name.removesuffix(".onnx")
    return sum(entry.stat().st_size for entry in os.scandir(folder) if entry.name.startswith(stem))


def distances(session: onnxruntime.InferenceSession, graph: str, feeds: dict) -> dict:
    """Cosine and largest distance of every output to the CPU provider's."""
    expected = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"]).run(None, feeds)
    result = {}
    for output, ours, theirs in zip(session.get_outputs(), session.run(None, feeds), expected):
        a, b = ours.astype(np.float64).ravel(), theirs.astype(np.float64).ravel()
        norm = np.sqrt((a * a).sum() * (b * b).sum())
        result[output.name] = {
            "cosine": 1.0 if norm == 0 else float((a * b).sum() / norm),
            "maxAbs": float(np.abs(a - b).max()),
            "largest": float(np.abs(b).max()),
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("graph")
    parser.add_argument("--soc", required=True)
    parser.add_argument("--context", required=True)
    parser.add_argument("--feeds")
    arguments = parser.parse_args()
    options = htp_options(arguments.soc, arguments.context)
    started = time.monotonic()
    try:
        session = onnxruntime.InferenceSession(arguments.graph, options)
    except Exception as error:  # ONNX Runtime has no class of its own for a vendor's refusal
        print(json.dumps({"status": "refused", "message": str(error)[:2000]}))
        return
    result = {
        "status": "compiled",
        "seconds": round(time.monotonic() - started, 2),
        "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "contextBytes": context_bytes(arguments.context),
    }
    if arguments.feeds:
        result["simulated"] = distances(session, arguments.graph, dict(np.load(arguments.feeds)))
    print(json.dumps(result))


main()
