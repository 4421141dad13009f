/** Writes a safetensors file of int32 and float32 tensors. */
import { writeFileSync } from "node:fs";

/** `tensors` maps names to {shape, data}, where data is an Int32Array or Float32Array. */
export function writeSafetensors(
  /** @type {string} */ file,
  /** @type {Readonly<Record<string, { shape: number[], data: Int32Array | Float32Array }>>} */ tensors,
  /** @type {{ made_by: string; }} */ metadata,
) {
  /** @type {Record<string, object>} */
  const header = { __metadata__: metadata };
  let position = 0;
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    const dtype = data instanceof Int32Array ? "I32" : "F32";
    header[name] = { dtype, shape, data_offsets: [position, position + data.byteLength] };
    position += data.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Math.ceil(json.length / 8) * 8;
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded));
  const parts = Object.values(tensors).map(({ data }) =>
    Buffer.from(data.buffer, data.byteOffset, data.byteLength),
  );
  writeFileSync(
    file,
    Buffer.concat([length, Buffer.concat([json, Buffer.alloc(padded - json.length, " ")]), ...parts]),
  );
}
