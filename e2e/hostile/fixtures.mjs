/**
 * Hostile inputs, each made when it is needed: a few bytes that ask for endless time or memory, or names and kinds of files that do harm.
 * A row is: what it is, what reads it, and what writes it into a folder.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";

const json = (/** @type {unknown} */ value) => JSON.stringify(value);
/** @type {(name: string, content: () => string | Uint8Array) => (folder: string) => void} */
const file = (name, content) => (folder) => writeFileSync(join(folder, name), content());
const fifo = (/** @type {string} */ name) => (/** @type {string} */ folder) =>
  execFileSync("mkfifo", [join(folder, name)]);
const device = (/** @type {string} */ name) => (/** @type {string} */ folder) =>
  symlinkSync("/dev/zero", join(folder, name));
const nested = (/** @type {number} */ levels, open = "[", close = "]") =>
  open.repeat(levels) + close.repeat(levels);

// PNG

function chunk(/** @type {string} */ type, /** @type {Buffer} */ data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

const EXIF_TURNED = Buffer.from("4d4d002a00000008000101120003000000010006000000000000", "hex");

/** A PNG of zeros; `type` 0 is grey, 2 RGB, 6 RGBA. */
function png(
  /** @type {{ width: number, height: number, bits?: number, type?: number, isInterlaced?: boolean, isTurned?: boolean, rows?: number }} */
  { width, height, bits = 8, type = 0, isInterlaced = false, isTurned = false, rows = height },
) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([bits, type, 0, 0, isInterlaced ? 1 : 0], 8);
  const rowBytes =
    1 +
    Math.ceil(
      (width *
        bits *
        (new Map([
          [0, 1],
          [2, 3],
          [6, 4],
        ]).get(type) ?? 1)) /
        8,
    );
  // An interlaced image has at most twice the rows.
  const data = deflateSync(Buffer.alloc(rowBytes * rows * (isInterlaced ? 2 : 1)), { level: 9 });
  return Buffer.concat([
    Buffer.from("89504e470d0a1a0a", "hex"),
    chunk("IHDR", header),
    ...(isTurned ? [chunk("eXIf", EXIF_TURNED)] : []),
    chunk("IDAT", data),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

const image = (/** @type {string} */ what, /** @type {() => string | Uint8Array} */ content) => ({
  what,
  kind: "image",
  write: file("image", content),
});

const IMAGES = [
  image("PNG of 1 x 25,000,000 pixels", () => png({ width: 1, height: 25_000_000, bits: 1 })),
  image("the same turned by EXIF", () => png({ width: 1, height: 25_000_000, bits: 1, isTurned: true })),
  image("PNG of 25,000,000 x 1 pixels", () => png({ width: 25_000_000, height: 1, bits: 1 })),
  image("PNG of 60,000 x 60,000 pixels, by its header", () =>
    png({ width: 60_000, height: 60_000, rows: 1 }),
  ),
  image("largest PNG of one bit that is taken", () => png({ width: 9400, height: 9400, bits: 1 })),
  image("largest turned PNG that is taken", () =>
    png({ width: 6600, height: 6600, type: 2, isTurned: true }),
  ),
  image("largest interlaced 16-bit PNG that is taken", () => png({ width: 3700, height: 3700, bits: 16, type: 6, isInterlaced: true, isTurned: true })), // prettier-ignore
  image("PNG with a megabyte of text chunks", () => Buffer.concat([png({ width: 8, height: 8 }).subarray(0, 33), ...Array.from({ length: 40_000 }, () => chunk("tEXt", Buffer.from("a\0b")))])), // prettier-ignore
  image("WebP that claims 16,383 x 16,383 pixels", () => Buffer.from("524946461a0000005745425056503858 0a000000 00000000 fe3f00 fe3f00".replaceAll(" ", ""), "hex")), // prettier-ignore
  { what: "a pipe as an image", kind: "image", write: fifo("image") },
  { what: "an endless device as an image", kind: "image", write: device("image") },
];

// Tokenizers

const VOCABULARY = Object.fromEntries(
  ["[pad]", "[bos]", "[eos]", "[unk]", "a", "b", " "].map((text, id) => [text, id]),
);
const TOKENIZER = {
  version: "1.0",
  added_tokens: ["[pad]", "[bos]", "[eos]", "[unk]"].map((content, id) => ({ id, content, special: true })),
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: { type: "Fuse" },
  model: { type: "BPE", vocab: VOCABULARY, merges: [], unk_token: "[unk]" },
};
const CONFIG = {
  pad_token: "[pad]",
  bos_token: "[bos]",
  eos_token: "[eos]",
  unk_token: "[unk]",
  unknown_text: "kept",
};

const tokenizer = (/** @type {string} */ what, /** @type {() => object} */ change, config = {}) => ({
  what,
  kind: "tokenizer",
  write: (/** @type {string} */ folder) => {
    writeFileSync(join(folder, "tokenizer.json"), json({ ...TOKENIZER, ...change() }));
    writeFileSync(join(folder, "tokenizer_config.json"), json({ ...CONFIG, ...config }));
  },
});
const split = (/** @type {string} */ Regex) => () => ({
  pre_tokenizer: { type: "Split", pattern: { Regex }, behavior: "Isolated" },
});
const sequence =
  (
    /** @type {string} */ key,
    /** @type {string} */ parts,
    /** @type {number} */ count,
    /** @type {object} */ part,
  ) =>
  () => ({
    [key]: { type: "Sequence", [parts]: Array.from({ length: count }, () => part) },
  });
const doubled = { type: "Replace", pattern: { String: "a" }, content: "aa" };

const TOKENIZERS = [
  tokenizer("the expression (a+)+$", split("(a+)+$")),
  tokenizer("the expression (a|a)*b", split("(a|a)*b")),
  tokenizer("the expression (a|ab)*c", split("(a|ab)*c")),
  tokenizer("a lookahead over the rest of the text", split("a(?=.*b)")),
  tokenizer("a lookbehind over the whole text", split("(?<=^(a|a)*)b")),
  tokenizer("counts within counts", split("((a{1,100}){1,100}){1,100}b")),
  tokenizer("an expression that needs 65,536 states", split("[ab]*a[ab]{16}c")),
  tokenizer("30 doublings by a normalizer", sequence("normalizer", "normalizers", 30, doubled)),
  tokenizer("30 doublings by a decoder", sequence("decoder", "decoders", 30, doubled)),
  tokenizer(
    "bytes of bytes, 30 times",
    sequence("pre_tokenizer", "pretokenizers", 30, { type: "ByteLevel" }),
  ),
  tokenizer("a replacement of ten million characters", () => ({ normalizer: { ...doubled, content: "b".repeat(1e7) } })), // prettier-ignore
  tokenizer("100,000 components", sequence("normalizer", "normalizers", 100_000, { type: "NFC" })),
  tokenizer("words of up to a million characters", () => ({ model: { type: "WordPiece", vocab: VOCABULARY, unk_token: "[unk]", max_input_chars_per_word: 1e6 } })), // prettier-ignore
  tokenizer("an added token of a million characters", () => ({ added_tokens: [{ id: 7, content: "a".repeat(1e6) }] })), // prettier-ignore
  tokenizer("an id of four billion", () => ({ added_tokens: [{ id: 4e9, content: "x" }] })),
  tokenizer("100,000 extra special tokens", () => ({}), { additional_special_tokens: Array.from({ length: 100_000 }, (_, at) => `<${at}>`) }), // prettier-ignore
  { what: "a tokenizer.json of a million levels", kind: "tokenizer", write: (/** @type {string} */ folder) => { file("tokenizer.json", () => nested(1e6))(folder); file("tokenizer_config.json", () => json(CONFIG))(folder); } }, // prettier-ignore
  { what: "a pipe as tokenizer.json", kind: "tokenizer", write: fifo("tokenizer.json") },
  { what: "an endless device as tokenizer.json", kind: "tokenizer", write: device("tokenizer.json") },
];

// Chat templates

const template = (/** @type {string} */ what, /** @type {string} */ source) => ({
  what,
  kind: "template",
  write: file("chat_template.jinja", () => source),
});
const TEMPLATES = [
  template("a template of loops within loops", "{% set r = range(300) %}{% for a in r %}{% for b in r %}{% for c in r %}x{% endfor %}{% endfor %}{% endfor %}"), // prettier-ignore
  template("a template whose text doubles 60 times", "{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}"), // prettier-ignore
  template("a template of 50,000 brackets", `{{ ${nested(50_000, "(", ")")} }}`),
];

// Schemas

const schema = (/** @type {string} */ what, /** @type {() => string} */ value) => ({
  what,
  kind: "schema",
  write: file("schema.json", value),
});
const chained = (/** @type {number} */ count, /** @type {object} */ last) => ({
  $ref: "#/$defs/0",
  $defs: Object.fromEntries(
    Array.from({ length: count }, (_, at) => [at, at + 1 === count ? last : { $ref: `#/$defs/${at + 1}` }]),
  ),
});
const SCHEMAS = [
  schema("a schema with a chain of 8,000 references", () => json(chained(8000, { type: "null" }))),
  schema("a schema whose chain of references leads back", () => json(chained(8000, { $ref: "#/$defs/0" }))),
  schema("a schema with an enum of 100,000 levels", () => `{"enum":[${nested(100_000)}]}`),
  schema("a schema of 100,000 levels", () => nested(100_000, '{"items":', "}").replace("}", "true}")),
  schema("a schema with 100,000 alternatives", () =>
    json({ anyOf: Array.from({ length: 100_000 }, () => true) }),
  ),
  schema("a schema with a constant of 500,000 characters", () => json({ const: "x".repeat(500_000) })),
  schema("a schema with 50,000 properties", () => json({ properties: Object.fromEntries(Array.from({ length: 50_000 }, (_, at) => [`p${at}`, true])) })), // prettier-ignore
  schema("a schema of counts within counts", () => json({ maxItems: 10_000, items: { maxItems: 10_000, items: { type: "string", maxLength: 10_000 } } })), // prettier-ignore
];

// Recipes

const recipe = (/** @type {string} */ what, /** @type {() => string} */ text) => ({
  what,
  kind: "recipe",
  write: file("recipe.yaml", text),
});
const RECIPES = [
  recipe("a recipe of 100,000 levels", () => `name: ${nested(100_000)}`),
  recipe("a recipe of aliases of aliases", () => "bcdefghi".split("").reduce((text, name, at) => `${text}\n${name}: &${name} [${Array(10).fill(`*${"abcdefgh"[at]}`)}]`, "a: &a [x,x,x,x,x,x,x,x,x,x]")), // prettier-ignore
  recipe("a recipe of 100,000 keys", () =>
    Array.from({ length: 100_000 }, (_, at) => `k${at}: 1`).join("\n"),
  ),
  recipe("a recipe of a megabyte of dashes", () => `a:\n  ${"- ".repeat(500_000)}x`),
  { what: "a pipe as a recipe", kind: "recipe", write: fifo("recipe.yaml") },
];

// Bundles

const MANIFEST = {
  schemaVersion: 1,
  kind: "bundle",
  key: "k",
  inputs: [],
  settings: {},
  origins: {},
  seed: 0,
  versions: { slm: "0.1.0", node: "20.0.0", platform: "linux" },
  createdAt: "2026-01-01T00:00:00.000Z",
  details: {},
};
const listed = (/** @type {string[]} */ ...paths) => ({
  ...MANIFEST,
  outputs: paths.map((path) => ({ path, bytes: 0, sha256: "0".repeat(64) })),
});
/** A manifest alone, in the archive of a bundle. */
const archive = (/** @type {string} */ what, /** @type {() => string} */ text) => ({
  what,
  kind: "archive",
  text,
  write: file("manifest.txt", text),
});
const BUNDLES = [
  archive("a bundle with escape sequences in a name", () => json(listed("a\u001b[2J\u001b]0;title\u0007"))),
  archive("a bundle with a name that turns the direction of text", () => json(listed("a\u202egpj.exe"))),
  archive("a bundle with a device of Windows", () => json(listed("model/CON.onnx"))),
  archive("a bundle with names that differ in case", () => json(listed("Model.onnx", "model.onnx"))),
  archive("a bundle whose folder is a file", () => json(listed("a", "a/b"))),
  archive("a bundle with a manifest of 100,000 levels", () => json(listed("a")).replace('"details":{}', `"details":{"a":${nested(100_000)}}`)), // prettier-ignore
  archive("a bundle that announces 2^53 bytes", () => json({ ...MANIFEST, outputs: [{ path: "a", bytes: Number.MAX_SAFE_INTEGER, sha256: "0".repeat(64) }] })), // prettier-ignore
  { what: "a pipe as a bundle", kind: "archive", write: fifo("bundle.slm") },
];

// Weights and graphs

const u64 = (/** @type {number | bigint} */ value) => { const bytes = Buffer.alloc(8); bytes.writeBigUInt64LE(BigInt(value)); return bytes; }; // prettier-ignore
const WEIGHTS = [
  { what: "safetensors whose header claims 2^63 bytes", kind: "safetensors", write: file("model.safetensors", () => Buffer.concat([u64(2n ** 63n), Buffer.alloc(64)])) }, // prettier-ignore
  { what: "safetensors with a header of 100,000 levels", kind: "safetensors", write: file("model.safetensors", () => Buffer.concat([u64(200_006), Buffer.from(`{"a":${nested(100_000)}}`)])) }, // prettier-ignore
  { what: "a pipe as safetensors", kind: "safetensors", write: fifo("model.safetensors") },
  { what: "GGUF with 2^40 tensors", kind: "gguf", write: file("model.gguf", () => Buffer.concat([Buffer.from("GGUF\x03\0\0\0", "latin1"), u64(2n ** 40n), u64(2n ** 40n), Buffer.alloc(64)])) }, // prettier-ignore
  { what: "GGUF with lists in lists", kind: "gguf", write: file("model.gguf", () => Buffer.concat([Buffer.from("GGUF\x03\0\0\0", "latin1"), u64(0), u64(1), u64(1), Buffer.from("a"), ...Array.from({ length: 100_000 }, () => Buffer.concat([Buffer.from([9, 0, 0, 0]), Buffer.alloc(0)])), u64(1)])) }, // prettier-ignore
  { what: "a pipe as GGUF", kind: "gguf", write: fifo("model.gguf") },
  { what: "ONNX with a length of 2^63", kind: "onnx", write: file("model.onnx", () => Buffer.from("0807 3a ffffffffffffffff7f".replaceAll(" ", ""), "hex")) }, // prettier-ignore
  {
    what: "ONNX of 100,000 nested graphs",
    kind: "onnx",
    write: file("model.onnx", () => nestedGraphs(20_000)),
  },
];

/** Graphs in attributes of nodes of graphs, as protobuf: the innermost first. */
function nestedGraphs(/** @type {number} */ levels) {
  const field = (/** @type {number} */ number, /** @type {Buffer} */ body) =>
    Buffer.concat([Buffer.from([(number << 3) | 2]), varint(body.length), body]);
  let graph = Buffer.alloc(0);
  for (let level = 0; level < levels && graph.length < 4e6; level++)
    graph = field(1, field(5, field(6, graph)));
  return field(7, graph);
}
function varint(/** @type {number} */ value) {
  const bytes = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left]);
    bytes.push((left % 128) | 128);
  }
}

// Rows

const rows = (
  /** @type {string} */ what,
  /** @type {string} */ name,
  /** @type {() => string | Uint8Array} */ content,
) => ({ what, kind: "rows", name, write: file(name, content) });
const ROWS = [
  rows("JSONL of one line of 64 MB", "rows.jsonl", () => Buffer.alloc(64e6, "a")),
  rows(
    "JSONL with a line of 400,000 levels",
    "rows.jsonl",
    () => `{"source":${nested(400_000)},"target":"x"}\n`,
  ),
  rows("JSON of a million levels", "rows.json", () => nested(1e6)),
  rows("CSV of one open quote and 64 MB", "rows.csv", () => Buffer.concat([Buffer.from('source,target\n"'), Buffer.alloc(64e6, "a")])), // prettier-ignore
  rows(
    "CSV of 100,000 columns",
    "rows.csv",
    () => `${Array.from({ length: 100_000 }, (_, at) => `c${at}`)}\n`,
  ),
  rows("Parquet that claims a footer of 2 GB", "rows.parquet", () => Buffer.from("PAR1\xff\xff\xff\x7fPAR1", "latin1")), // prettier-ignore
  { what: "a pipe as rows", kind: "rows", name: "rows.jsonl", write: fifo("rows.jsonl") },
];

/** @type {readonly { what: string, kind: string, name?: string, text?: () => string, write: (folder: string) => void }[]} */
export const FIXTURES = [
  ...IMAGES,
  ...TOKENIZERS,
  ...TEMPLATES,
  ...SCHEMAS,
  ...RECIPES,
  ...BUNDLES,
  ...WEIGHTS,
  ...ROWS,
];

/** Writes a fixture into a new folder. */
export function writeFixture(
  /** @type {{ write: (folder: string) => void }} */ { write },
  /** @type {string} */ folder,
) {
  mkdirSync(folder, { recursive: true });
  write(folder);
}
