/**
 * Detects ONNX Runtime's kernels on this CPU by their results. Prints one JSON line.
 *
 * - `unsignedSigned`: 255 * 127 + 255 * 127 of uint8 by int8. 64770 is correct. `vpmaddubsw` returns 32767, because AVX2 and AVX-512
 * without VNNI add pairs of products in 16 bits.
 * - `unsignedUnsigned`: the same for uint8 by uint8, 128 * 255 twice: 65280 everywhere.
 * - `fused`: whether a float32 product and sum is rounded once (FMA), or twice (SSE).
 * - `features`: features of arm64, from AT_HWCAP and AT_HWCAP2 (Linux, arch/arm64/include/uapi/asm/hwcap.h).
 */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { GraphBuilder, encodeModel } from "@slm/onnx";
import { createHostTensor } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";

const COLUMNS = 16;
// Use default kernels. Our runtimes otherwise request exact kernels if the default ones saturate.
const settings = { "session.x64quantprecision": "0" };
const runtime = await createCpuRuntime({ inThread: true, threads: 1, settings });

async function product(
  /** @type {string} */ operator,
  /** @type {import("@slm/runtime").HostTensor} */ a,
  /** @type {{ dtype: import("@slm/onnx").OnnxDType, data: Float32Array | Int8Array | Uint8Array }} */ weight,
  /** @type {import("@slm/onnx").OnnxDType} */ output,
) {
  const g = new GraphBuilder("probe");
  const x = g.input("x", a.dtype, [1, 2]);
  const w = g.initializer("w", weight.dtype, [2, COLUMNS], weight.data);
  g.output("y", g.op(operator, [x, w]), output, [1, COLUMNS]);
  const session = await runtime.load({ kind: "bytes", bytes: encodeModel(g.build()) });
  const { fetched } = await session.run({ feeds: { x: a }, fetch: ["y"] });
  await session.release();
  return Number(fetched["y"]?.data[0]);
}

const unsigned = createHostTensor("uint8", [1, 2], Uint8Array.of(255, 255));
/** @type {Parameters<typeof product>[2]} */
const int8 = { dtype: "int8", data: new Int8Array(2 * COLUMNS).fill(127) };
/** @type {Parameters<typeof product>[2]} */
const uint8 = { dtype: "uint8", data: new Uint8Array(2 * COLUMNS).fill(128) };

// -(1 + 2^-11) + (1 + 2^-12)^2 is 2^-24 if the square is not rounded, and 0 if it is.
const near = 1 + 2 ** -12;
/** @type {Parameters<typeof product>[2]} */
const square = {
  dtype: "float32",
  data: Float32Array.from({ length: 2 * COLUMNS }, (_, at) => (at < COLUMNS ? -(1 + 2 ** -11) : near)),
};
const residue = await product(
  "MatMul",
  createHostTensor("float32", [1, 2], Float32Array.of(1, near)),
  square,
  "float32",
);

/** Bits of AT_HWCAP (16) and AT_HWCAP2 (26) for integer products. */
function armFeatures() {
  const vector = readFileSync("/proc/self/auxv");
  const values = new Map();
  for (let at = 0; at < vector.length; at += 16) {
    values.set(Number(vector.readBigUInt64LE(at)), vector.readBigUInt64LE(at + 8));
  }
  const has = (/** @type {number} */ entry, /** @type {number} */ bit) =>
    (((values.get(entry) ?? 0n) >> BigInt(bit)) & 1n) === 1n;
  if (has(26, 13)) return "int8 matrix products";
  return has(16, 20) ? "dot product" : "no dot product";
}

const found = {
  architecture: process.arch,
  model: cpus()[0]?.model ?? "",
  unsignedSigned: await product("MatMulInteger", unsigned, int8, "int32"),
  unsignedUnsigned: await product("MatMulInteger", unsigned, uint8, "int32"),
  fused: residue !== 0,
  ...(process.arch === "arm64" && process.platform === "linux" ? { features: armFeatures() } : {}),
};
await runtime.close();
process.stdout.write(`${JSON.stringify(found)}\n`);
