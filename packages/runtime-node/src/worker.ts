/** Entry of the worker thread that owns ONNX Runtime. */
import { parentPort } from "node:worker_threads";
import { SlmError } from "@slm/core";
import { serveHost } from "@slm/runtime/host";
import { OrtHost } from "./ort/ort-host.js";

if (parentPort === null)
  throw new SlmError("UNEXPECTED", "runtime-node: worker.js must be started as a worker thread");
const port = parentPort;
port.on(
  "message",
  serveHost(new OrtHost(), {
    name: "runtime-node",
    post: (message, buffers) => {
      port.postMessage(
        message,
        buffers.filter((buffer) => buffer instanceof ArrayBuffer),
      );
    },
  }),
);
