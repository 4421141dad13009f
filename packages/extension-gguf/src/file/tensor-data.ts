/** Reads and decodes the values of a tensor in pieces. */
import { elementCount } from "@slm/runtime";
import { FileReader } from "@slm/checkpoints";
import type { GgufTensor } from "./gguf-file.js";

/** Bytes per read: the memory needed in addition to the float32 values. */
const PIECE_BYTES = 4 * 1024 * 1024;

/** All elements as float32. @throws SlmError DATA_INVALID if the file became shorter, INPUT_MISSING if it was deleted */
export async function readTensor(file: string, tensor: GgufTensor): Promise<Float32Array> {
  const values = new Float32Array(elementCount(tensor.shape));
  let done = 0;
  for await (const piece of tensorPieces(file, tensor)) {
    values.set(piece, done);
    done += piece.length;
  }
  return values;
}

/** The values of {@link readTensor} in pieces; each piece is a new array. @throws SlmError as {@link readTensor} */
export async function* tensorPieces(
  file: string,
  { name, type, begin, end }: GgufTensor,
): AsyncGenerator<Float32Array> {
  const piece = Math.floor(PIECE_BYTES / type.bytes);
  const blocks = (end - begin) / type.bytes;
  const reader = await FileReader.open(file, "GGUF");
  try {
    for (let done = 0; done < blocks; done += piece) {
      const count = Math.min(piece, blocks - done);
      const bytes = await reader.bytesAt(begin + done * type.bytes, count * type.bytes, `tensor '${name}'`);
      const values = new Float32Array(count * type.elements);
      type.decode(new DataView(bytes.buffer), 0, count, values, 0);
      yield values;
    }
  } finally {
    await reader.close();
  }
}

/** The encoded bytes of a tensor. @throws SlmError as {@link readTensor} */
export async function readTensorBytes(file: string, tensor: GgufTensor): Promise<Uint8Array> {
  const reader = await FileReader.open(file, "GGUF");
  try {
    return await reader.bytesAt(tensor.begin, tensor.end - tensor.begin, `tensor '${tensor.name}'`);
  } finally {
    await reader.close();
  }
}
