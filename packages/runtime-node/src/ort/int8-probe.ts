/** Measures with a matrix product whether ONNX Runtime's default 8-bit kernels saturate on this CPU. */
import { readFile } from "node:fs/promises";
import { GraphBuilder, encodeModel } from "@slm/onnx";
import {
  createHostTensor,
  cpuFeatures,
  int8Arithmetic,
  nextTensorId,
  type Int8Arithmetic,
} from "@slm/runtime";
import type { HostChannel } from "@slm/runtime/host";
import type { SessionSettings } from "@slm/runtime/host";

/**
 * Session settings for a CPU with default kernels that saturate, so that a graph computes the same numbers on every CPU. Weights of
 * DynamicQuantizeMatMul and similar operators become unsigned if one is outside -64 to 64, which takes 1.2 times as long (docs/how-to/devices.md).
 * MatMuls between DequantizeLinear and QuantizeLinear are computed in float32, because ONNX Runtime 1.30 cannot convert a constant to unsigned if two
 * of them share it ("Attempt to replace the existing tensor"). Source: onnxruntime_session_options_config_keys.h, kOrtSessionOptionsAvx2PrecisionMode
 * and kOrtSessionOptionsDisableQuantQDQ.
 */
export const EXACT_INT8: SessionSettings = {
  "session.x64quantprecision": "1",
  "session.disable_quant_qdq": "1",
};

/** Long enough that every kernel runs its main loop. */
const DEPTH = 64;
const COLUMNS = 16;
/** The largest unsigned activation and the largest signed weight. */
const ACTIVATION = 255;
const WEIGHT = 127;

/** The value of every output if nothing saturates. */
const EXACT = DEPTH * ACTIVATION * WEIGHT;

let known: Promise<Int8Arithmetic> | undefined;

/**
 * How this CPU multiplies 8-bit integers, measured once in a process.
 *
 * @param channel an open channel with ONNX Runtime's CPU provider
 */
export function measureInt8(channel: HostChannel): Promise<Int8Arithmetic> {
  known ??= saturates(channel).then(
    async (found) => int8Arithmetic(found, cpuFeatures(await cpuInfo())),
    (error: unknown) => {
      known = undefined;
      throw error;
    },
  );
  return known;
}

const cpuInfo = (): Promise<string | undefined> => readFile("/proc/cpuinfo", "utf8").catch(() => undefined);

async function saturates(channel: HostChannel): Promise<boolean> {
  const session = nextTensorId();
  await channel.call("load", {
    session,
    name: "int8 probe",
    optimization: "all",
    planMemory: true,
    source: { kind: "bytes", bytes: probe() },
  });
  const feed = createHostTensor("uint8", [1, DEPTH], new Uint8Array(DEPTH).fill(ACTIVATION));
  const { fetched } = await channel.call("run", {
    session,
    feeds: [feed],
    fetch: [0],
    keep: [],
    keepIds: [],
    into: [],
    intoIds: [],
    append: { at: [], outputs: [], ids: [] },
  });
  await channel.call("unload", { session });
  return fetched[0]!.data.some((sum) => Number(sum) !== EXACT);
}

/** x [1, DEPTH] uint8 times w [DEPTH, COLUMNS] int8. */
function probe(): Uint8Array {
  const builder = new GraphBuilder("int8_probe");
  const x = builder.input("x", "uint8", [1, DEPTH]);
  const weights = new Int8Array(DEPTH * COLUMNS).fill(WEIGHT);
  const w = builder.initializer("w", "int8", [DEPTH, COLUMNS], weights);
  builder.output("y", builder.op("MatMulInteger", [x, w]), "int32", [1, COLUMNS]);
  return Uint8Array.from(encodeModel(builder.build()));
}
