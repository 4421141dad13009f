/** Rejects graphs that ONNX Runtime's WebGPU provider takes and cannot compute, before anything runs. */
import { rejectUncomputable } from "@slm/devices";
import { DEVICES } from "@slm/devices/table";
import { GraphBuilder, decodeOutline, encodeModel, readOutline } from "@slm/onnx";
import { createHostTensor, withLoad, type Runtime } from "@slm/runtime";

/** @throws SlmError (its `load`) as {@link rejectUncomputable}, besides what loading throws */
export function rejectingUncomputable(runtime: Runtime): Runtime {
  let float16: Promise<boolean> | undefined;
  return withLoad(runtime, async (source, options = {}) => {
    const isFile = source.kind === "file";
    const outline = isFile ? await readOutline(source.path) : decodeOutline(source.bytes);
    await rejectUncomputable(outline, DEVICES.gpu.webgpu, {
      name: options.name ?? (isFile ? source.path : "graph"),
      target: "gpu",
      profile: "webgpu",
      adapter: runtime.device.description,
      hasFloat16: () => (float16 ??= computesFloat16(runtime)),
    });
    return runtime.load(source, options);
  });
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
