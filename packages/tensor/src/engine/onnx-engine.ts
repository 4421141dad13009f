import { encodeModel } from "@slm/onnx";
import type { Runtime } from "@slm/runtime";
import type { Engine, MaskMaker } from "./program.js";
import { traceProgram } from "./trace.js";

interface OnnxEngineOptions {
  /** Provider whose operators programs use. Default: the runtime's. */
  readonly provider?: string | undefined;
  /** Default: the host on the CPU, where copying masks is cheap and their numbers stay the same as in earlier releases; the program on a device. */
  readonly masks?: MaskMaker | undefined;
}

/**
 * Compiles each program, including backward pass and optimizer, into one ONNX graph and runs it on `runtime`. The caller owns the runtime:
 * closing the engine leaves it open.
 */
export function createOnnxEngine(runtime: Runtime, options: OnnxEngineOptions = {}): Engine {
  const { provider = runtime.device.provider, masks = provider === "cpu" ? "host" : "program" } = options;
  return {
    name: "onnx",
    masks,
    compile: async (definition) => {
      const bytes = encodeModel(traceProgram(definition, provider));
      const session = await runtime.load(
        { kind: "bytes", bytes },
        {
          name: definition.name,
          // Each length bucket has its own program, and each program keeps its allocated memory.
          planMemory: false,
        },
      );
      return {
        name: definition.name,
        run: (request) => session.run(request),
        release: () => session.release(),
      };
    },
    loadGraph: (source, options) => runtime.load(source, options),
    upload: (tensor) => runtime.upload(tensor),
    download: (tensor) => runtime.download(tensor),
    permuteRows: (target, rows) => runtime.permuteRows(target, rows),
    release: (tensors) => runtime.release(tensors),
    close: () => Promise.resolve(),
  };
}
