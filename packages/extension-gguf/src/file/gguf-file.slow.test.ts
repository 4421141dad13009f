import { describe, expect, test } from "vitest";
import {
  bool,
  f32,
  ggufBytes,
  i32,
  temporaryGguf,
  text,
  u32,
  type GgufSpec,
} from "../testing/gguf-bytes.test-support.js";
import { readGguf } from "./gguf-file.js";
import { readTensor, readTensorBytes } from "./tensor-data.js";

const floats = (...values: readonly number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

const read = async (bytes: Uint8Array): ReturnType<typeof readGguf> => readGguf(await temporaryGguf(bytes));

/** The rejection of a file, with its code checked. */
const rejection = async (bytes: Uint8Array): Promise<string> => {
  const error: unknown = await read(bytes).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: "SlmError", code: "DATA_INVALID" });
  return (error as Error).message;
};

const spec: GgufSpec = {
  metadata: {
    "general.architecture": text("llama"),
    size: u32(7),
    rate: f32(0.5),
    flag: bool(true),
    big: { type: "uint64", value: 2 ** 40 },
    words: text(["a", "", "ü"]),
    types: i32([1, -2]),
  },
  tensors: [
    { name: "first", shape: [2, 3], data: floats(1, 2, 3, 4, 5, 6) },
    { name: "second", shape: [2], data: floats(7, 8) },
  ],
};

describe(readGguf, () => {
  test.each([2, 3])(
    "reads version %i: every kind of value, and shapes slowest axis first",
    async (version) => {
      const file = await read(ggufBytes({ ...spec, version }));
      expect(Object.fromEntries(file.metadata)).toEqual({
        "general.architecture": "llama",
        size: 7,
        rate: 0.5,
        flag: true,
        big: 2n ** 40n,
        words: ["a", "", "ü"],
        types: Int32Array.of(1, -2),
      });
      expect(file.tensors.map(({ name, shape, type }) => [name, shape, type.name])).toEqual([
        ["first", [2, 3], "F32"],
        ["second", [2], "F32"],
      ]);
      expect(await readTensor(file.file, file.tensors[0]!)).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6));
      expect(await readTensor(file.file, file.tensors[1]!)).toEqual(Float32Array.of(7, 8));
      expect(await readTensorBytes(file.file, file.tensors[1]!)).toEqual(floats(7, 8));
    },
  );

  test("honours the file's own alignment", async () => {
    const metadata = { "general.alignment": u32(128) };
    const file = await read(ggufBytes({ ...spec, metadata, alignment: 128 }));
    expect(file.tensors.map(({ begin }) => begin % 128)).toEqual([0, 0]);
    expect(await readTensor(file.file, file.tensors[1]!)).toEqual(Float32Array.of(7, 8));
  });

  test("says which file is not there", async () => {
    await expect(readGguf("/no/such/model.gguf")).rejects.toMatchObject({ code: "INPUT_MISSING" });
  });

  test("rejects a tensor whose file became shorter after it was opened", async () => {
    const file = await read(ggufBytes(spec));
    const shorter = await temporaryGguf(ggufBytes(spec).subarray(0, 300));
    await expect(readTensor(shorter, file.tensors[1]!)).rejects.toMatchObject({ code: "DATA_INVALID" });
  });
});

/** The bytes of `spec`, with `value` written at the place of the first `marker`, moved by `shift`. */
const patched = (marker: string, shift: number, ...value: readonly number[]): Uint8Array => {
  const bytes = ggufBytes(spec);
  bytes.set(value, bytes.indexOf(marker) + shift);
  return bytes;
};
const HUGE = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];

describe("a hostile file is rejected", () => {
  const tensor = (over: object): Uint8Array => ggufBytes({ tensors: [{ name: "t", shape: [4], ...over }] });

  test.each<[string, Uint8Array, RegExp]>([
    ["nothing", new Uint8Array(0), /magic number ends at byte 4 of 0/],
    ["another magic", Buffer.from("GGML____________________"), /does not start with 'GGUF'/],
    ["version 1", ggufBytes({ version: 1 }), /version is 1, expected 2 or 3/],
    ["big-endian", ggufBytes({ version: 0x03000000 }), /big-endian/],
    [
      "too many tensors",
      patched("GGUF", 8, ...HUGE),
      /number of tensors is 9223372036854775807, expected at most 65536/,
    ],
    ["too many pairs", patched("GGUF", 16, ...HUGE), /number of metadata pairs/],
    ["an endless key", patched("size", -8, ...HUGE), /length of key 2 of 7/],
    ["a value of unknown type", patched("size", 4, 13), /'size' has type 13, expected 0 to 12/],
    ["an endless text", patched("llama", -8, ...HUGE), /length of metadata 'general.architecture'/],
    ["text that is not UTF-8", patched("llama", 0, 0xff), /'general.architecture' is not UTF-8/],
    ["a truth value of 2", patched("flag", 8, 2), /'flag' is 2, expected 0 or 1/],
    [
      "an array longer than the file",
      patched("types", 13, 0xff, 0xff, 0xff),
      /'types' claims 16777215 items/,
    ],
    ["an array longer than any", patched("types", 13, ...HUGE), /number of items of metadata 'types'/],
    ["an array of arrays", patched("types", 9, 9), /array of arrays/],
    ["no axes", tensor({ shape: [] }), /'t' has 0 axes, expected 1 to 4/],
    ["five axes", tensor({ shape: [1, 1, 1, 1, 1] }), /'t' has 5 axes/],
    ["an empty axis", tensor({ shape: [4, 0] }), /axis 0 of tensor 't' is 0/],
    [
      "more elements than any",
      tensor({ shape: [2 ** 20, 2 ** 20], data: floats(0) }),
      /more than 2147483648 elements/,
    ],
    [
      "an unknown type",
      tensor({ type: 99 }),
      /'t' has type 99, which is not supported; expected one of F32, /,
    ],
    ["a type that is not read", tensor({ type: 16 }), /'t' has type IQ2_XXS, which is not supported/],
    [
      "rows that are no whole blocks",
      tensor({ shape: [2, 33], type: 2 }),
      /rows of 33, not a multiple of the 32 of Q4_0/,
    ],
    ["a crooked offset", tensor({ offset: 4 }), /starts at byte 4 of the data, not a multiple of 32/],
    [
      "a long name",
      tensor({ name: "t".repeat(65) }),
      /length of the name of tensor 1 of 1 is 65, expected at most 64/,
    ],
    ["an alignment of 3", ggufBytes({ metadata: { "general.alignment": u32(3) } }), /general.alignment is 3/],
    [
      "an alignment that is a text",
      ggufBytes({ metadata: { "general.alignment": text("x") } }),
      /alignment is x/,
    ],
  ])("%s", async (_, bytes, message) => {
    expect(await rejection(bytes)).toMatch(message);
  });

  test("two keys or two tensors of one name", async () => {
    const tensors = [
      { name: "t", shape: [4] },
      { name: "t", shape: [4] },
    ];
    expect(await rejection(ggufBytes({ tensors }))).toMatch(/tensor 't' occurs twice/);
    const keys = ggufBytes({ metadata: { aa: u32(1), ab: u32(1) } });
    keys.write("aa", keys.indexOf("ab"));
    expect(await rejection(keys)).toMatch(/'aa' occurs twice/);
  });

  test("tensors that overlap, and one beyond the end", async () => {
    const tensors = [
      { name: "a", shape: [16] },
      { name: "b", shape: [16], offset: 32 },
    ];
    expect(await rejection(ggufBytes({ tensors }))).toMatch(/tensors 'a' and 'b' overlap/);
    const whole = ggufBytes(spec);
    expect(await rejection(whole.subarray(0, whole.length - 1))).toMatch(/'second' ends at byte .*truncated/);
    const far = ggufBytes({ tensors: [{ name: "t", shape: [4] }] });
    far.writeBigUInt64LE(2n ** 40n, far.indexOf("t", 24) + 17);
    expect(await rejection(far)).toMatch(/'t' ends at byte/);
  });

  test("a file cut short anywhere", async () => {
    const whole = ggufBytes(spec);
    for (let end = 0; end < whole.length; end += 7) await rejection(whole.subarray(0, end));
  });
});
