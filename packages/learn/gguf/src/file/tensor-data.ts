/** The numbers of one tensor, read and decoded piece by piece. */
import { elementCount } from "@slm/runtime";
import { FileReader } from "./file-reader.js";
import type { GgufTensor } from "./gguf-file.js";

/** Bytes read at a time: what a tensor takes in memory beside its float32 numbers. */
const PIECE_BYTES = 4 * 1024 * 1024;

/** All elements as float32. @throws SlmError DATA_INVALID if the file became shorter, INPUT_MISSING if it went away */
export async function readTensor(file: string, tensor: GgufTensor): Promise<Float32Array> {
  const { name, shape, type, begin, end } = tensor;
  const values = new Float32Array(elementCount(shape));
  const piece = Math.floor(PIECE_BYTES / type.bytes);
  const blocks = (end - begin) / type.bytes;
  const reader = await FileReader.open(file);
  try {
    for (let done = 0; done < blocks; done += piece) {
      const count = Math.min(piece, blocks - done);
      const bytes = await reader.bytesAt(begin + done * type.bytes, count * type.bytes, `tensor '${name}'`);
      type.decode(new DataView(bytes.buffer), 0, count, values, done * type.elements);
    }
  } finally {
    await reader.close();
  }
  return values;
}

/** The bytes of a tensor as they lie in the file. @throws SlmError as {@link readTensor} */
export async function readTensorBytes(file: string, tensor: GgufTensor): Promise<Uint8Array> {
  const reader = await FileReader.open(file);
  try {
    return await reader.bytesAt(tensor.begin, tensor.end - tensor.begin, `tensor '${tensor.name}'`);
  } finally {
    await reader.close();
  }
}
