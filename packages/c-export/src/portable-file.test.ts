/** Portable files of tiny models: read as written, and rejected if they are corrupt. */
import { join } from "node:path";
import { importEncoderDecoder, readHuggingFaceDirectory } from "@slm/checkpoints";
import { SlmError } from "@slm/core";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import {
  compileModel,
  PortableModel,
  portableProgram,
  readModule,
  readPortable,
  writePortable,
  type WeightForm,
} from "./index.js";

const FIXTURES = join(import.meta.dirname, "../../checkpoints/fixtures/encoder-decoders");
/** Relative positions; sinusoidal positions and biases; windows and rotations; merged attention. */
const MODELS = ["mt5", "marian", "t5gemma", "t5gemma2"];
const HEADER = 112;

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await WebAssembly.compile(await readModule());
});

async function fileOf(name: string, form: WeightForm): Promise<Uint8Array<ArrayBuffer>> {
  const checkpoint = await importEncoderDecoder(await readHuggingFaceDirectory(join(FIXTURES, name)), {
    maxSource: 8,
    maxTarget: 8,
  });
  return writePortable(portableProgram(compileModel(checkpoint, form), [1, 3, 5]));
}

/** The same bytes with a digest that matches them. */
async function sealed(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  bytes.set(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes.subarray(48))), 16);
  return bytes;
}

describe.each(MODELS)("the portable file of %s", (name) => {
  test.each(["float32", "int8", "int4"] as const)(
    "gives the logits of the model it was made from (%s)",
    async (form) => {
      const checkpoint = await importEncoderDecoder(await readHuggingFaceDirectory(join(FIXTURES, name)), {
        maxSource: 8,
        maxTarget: 8,
      });
      const compiled = compileModel(checkpoint, form);
      const written = await readPortable(await writePortable(portableProgram(compiled)));
      expect(written).toEqual({ ...portableProgram(compiled), weights: written.weights });
      const [own, read] = [
        await PortableModel.open(module, compiled),
        await PortableModel.open(module, written),
      ];
      const logits = [own, read].map((model) => {
        model.encode([3, 4, 5]);
        return Float32Array.from(model.step([1, 4], 2));
      });
      expect(logits[1]).toEqual(logits[0]);
    },
  );

  test("a sibling continues from a copy as the model does", async () => {
    const program = await readPortable(await fileOf(name, "float32"));
    const model = await PortableModel.open(module, program);
    const sibling = model.sibling();
    model.encode([3, 4, 5]);
    model.step([1, 4]);
    sibling.copyFrom(model);
    const expected = Float32Array.from(model.step([5]));
    expect(Float32Array.from(sibling.step([5]))).toEqual(expected);
    sibling.rewind(1);
    sibling.step([6]);
    sibling.copyFrom(model);
    expect(Float32Array.from(sibling.step([7]))).toEqual(Float32Array.from(model.step([7])));
  });

  test("changed numbers are refused, or stay inside the module's memory", async () => {
    const bytes = await fileOf(name, "float32");
    const view = new DataView(bytes.buffer);
    const [names, encode, step] = [9, 10, 11].map((at) => view.getInt32(48 + 4 * at, true));
    const calls = Math.ceil((HEADER + names!) / 64) * 64;
    const numbers = encode! + step! + 3;
    const value = fc.oneof(fc.integer(), fc.integer({ min: -2, max: 64 }), fc.integer({ min: 0, max: 5000 }));
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(numbers + 13), value, async (at, changed) => {
        const altered = bytes.slice();
        const place = at < 14 ? 48 + 4 * at : calls + 4 * (at - 14);
        new DataView(altered.buffer).setInt32(place, changed, true);
        const program = await readPortable(await sealed(altered)).catch((error: unknown) => {
          expect((error as SlmError).code).toBe("DATA_INVALID");
          return undefined;
        });
        if (program === undefined) return;
        accepted++;
        const model = await PortableModel.open(module, program);
        const { source, target, fresh, wanted } = model.capacities;
        if (program.encode !== undefined)
          model.encode(new Array<number>(source).fill(program.sourceVocabulary - 1));
        for (let past = 0; past < target; past += fresh) {
          const count = Math.min(fresh, target - past);
          model.step(new Array<number>(count).fill(program.vocabulary - 1), Math.min(count, wanted));
        }
      }),
      { numRuns: 300 },
    );
    expect(accepted).toBeGreaterThan(5);
  });
});

test("a corrupt or truncated file, and one of another version, is rejected", async () => {
  const bytes = await fileOf("marian", "int8");
  const flipped = bytes.slice();
  flipped[bytes.length - 1]! ^= 1;
  const [older, newer] = [bytes.slice(), bytes.slice()];
  older[12] = 1;
  newer[12] = 3;
  for (const broken of [flipped, older, newer, bytes.slice(0, -64), new Uint8Array(0), new Uint8Array(200)])
    await expect(readPortable(broken)).rejects.toThrow(SlmError);
});
