/** Rejects graphs that ONNX Runtime's WebGPU provider takes and cannot compute, before anything runs. */
import { rejectUnsupported } from "@slm/devices";
import { DEVICES } from "@slm/devices/table";
import { SlmError } from "@slm/core";
import { GraphBuilder, decodeOutline, encodeModel, readOutline, type ModelOutline } from "@slm/onnx";
import { createHostTensor, withLoad, type GraphSource, type Runtime } from "@slm/runtime";

/** @throws SlmError (its `load`) as {@link rejectUnsupported}, besides what loading throws */
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

/** Undefined for a graph that cannot be read: loading says what is wrong with it. */
async function outlineOf(source: GraphSource): Promise<ModelOutline | undefined> {
  try {
    return source.kind === "file" ? await readOutline(source.path) : decodeOutline(source.bytes);
  } catch (error) {
    if (error instanceof SlmError) return undefined;
    throw error;
  }
}

/** Whether the adapter computes in float16: WebGPU leaves that to it (feature `shader-f16`). */
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
