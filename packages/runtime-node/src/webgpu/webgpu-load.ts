/** Rejects graphs that ONNX Runtime's WebGPU provider accepts but cannot compute, before anything runs. */
import { rejectUnsupported } from "@slm/analysis";
import { DEVICES } from "@slm/devices";
import { SlmError } from "@slm/core";
import { GraphBuilder, decodeOutline, encodeModel, readOutline, type ModelOutline } from "@slm/onnx";
import { createHostTensor, withLoad, type GraphSource, type Runtime } from "@slm/runtime";

/** @throws SlmError (from `load`) as {@link rejectUnsupported}, and the errors of loading */
export function rejectingUnsupported(runtime: Runtime): Runtime {
  let float16: Promise<boolean> | undefined;
  return withLoad(runtime, async (source, options = {}) => {
    const outline = await outlineOf(source);
    if (outline !== undefined)
      await rejectUnsupported(outline, DEVICES.gpu.webgpu, {
        name: options.name ?? (source.kind === "file" ? source.path : "graph"),
        target: "gpu",
        profile: "webgpu",
        adapter: runtime.device.description,
        hasFloat16: () => (float16 ??= computesFloat16(runtime)),
      });
    return runtime.load(source, options);
  });
}

/** Undefined for a graph that cannot be read; loading it reports the error. */
async function outlineOf(source: GraphSource): Promise<ModelOutline | undefined> {
  try {
    return source.kind === "file" ? await readOutline(source.path) : decodeOutline(source.bytes);
  } catch (error) {
    if (error instanceof SlmError) return undefined;
    throw error;
  }
}

/** Whether the adapter supports float16 (the optional WebGPU feature `shader-f16`). */
async function computesFloat16(runtime: Runtime): Promise<boolean> {
  const builder = new GraphBuilder("float16");
  const x = builder.input("x", "float16", [1]);
  builder.output("y", builder.op("Add", [x, x]), "float16", [1]);
  const session = await runtime.load({ kind: "bytes", bytes: encodeModel(builder.build()) });
  try {
    await session.run({ feeds: { x: createHostTensor("float16", [1], Uint16Array.of(0)) }, fetch: ["y"] });
    return true;
  } catch {
    return false;
  } finally {
    await session.release();
  }
}
