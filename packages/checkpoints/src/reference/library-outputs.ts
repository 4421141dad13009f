/** Reads what a published model's own library computed: `expected.safetensors` and `expected.json`. */
import { join } from "node:path";
import { readJsonFile, SlmError } from "@slm/core";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { z } from "zod";
import { readSafetensors } from "../safetensors.js";

const rowsSchema = z.array(z.array(z.int().nonnegative()).min(1)).min(1);
const answersSchema = z.looseObject({
  greedy: rowsSchema,
  beams: rowsSchema,
  /** Generation settings that replace the model's own, and the expected answers. */
  searches: z
    .array(z.strictObject({ settings: z.record(z.string(), z.unknown()), tokens: rowsSchema }))
    .optional(),
});

/** Token ids `[row][position]`. */
export type TokenRows = z.infer<typeof rowsSchema>;

/** Contents of expected.safetensors. */
export interface Expected {
  /** Ids `[batch, source]` */
  readonly source: HostTensor;
  /** float32 `[batch, source]`: 1 at tokens, 0 at padding */
  readonly mask: HostTensor;
  /** Ids `[batch, target]` */
  readonly target: HostTensor;
  /** float32 `[batch, source, width]` */
  readonly encoded: HostTensor;
  /** float32 `[batch, target, vocab]` */
  readonly logits: HostTensor;
}

/** What the library computed for a model. */
export interface LibraryOutputs {
  readonly expected: Expected;
  readonly answers: z.infer<typeof answersSchema>;
}

/** @throws SlmError INPUT_MISSING or DATA_INVALID if a file is missing or has another layout */
export async function readLibraryOutputs(directory: string): Promise<LibraryOutputs> {
  return {
    expected: await readExpected(join(directory, "expected.safetensors")),
    answers: await readJsonFile(join(directory, "expected.json"), answersSchema),
  };
}

async function readExpected(file: string): Promise<Expected> {
  const { tensors } = await readSafetensors(file);
  const need = (name: string): HostTensor => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new SlmError("DATA_INVALID", `${file}: tensor '${name}' is missing`);
    return tensor;
  };
  return {
    source: need("input_ids"),
    mask: asFloat(need("attention_mask")),
    target: need("decoder_input_ids"),
    encoded: need("encoder_output"),
    logits: need("logits"),
  };
}

const asFloat = ({ shape, data }: HostTensor): HostTensor =>
  createHostTensor("float32", shape, Float32Array.from(data as ArrayLike<number | bigint>, Number));

/** Rows `[batch, length, width]` of source tokens, without padding. */
export function atTokens({ shape, data }: HostTensor, mask: HostTensor): HostTensor {
  const width = shape.at(-1)!;
  const kept = [...(mask.data as Float32Array)].flatMap((isToken, row) => (isToken === 1 ? [row] : []));
  const values = new Float32Array(kept.length * width);
  kept.forEach((row, at) => {
    values.set((data as Float32Array).subarray(row * width, (row + 1) * width), at * width);
  });
  return createHostTensor("float32", [kept.length, width], values);
}
