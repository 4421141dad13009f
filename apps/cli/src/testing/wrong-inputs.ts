/** Wrong inputs as people make them: files, a recipe, and the command that meets them first. Each is one error before any training. */
import type { Mapping } from "../recipe/mapping.js";

/** One wrong input. */
export interface WrongInput {
  /** What is wrong, for the list in the docs. */
  readonly title: string;
  /** Files beside the recipe. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Changes of {@link SOUND_RECIPE}: keys of sections; the whole section `data`; null for no such section. */
  readonly recipe?: Mapping;
  /** Text of the recipe, where it is not one that can be built. */
  readonly text?: string;
  /** Command with its arguments. Default: `run r.yaml`. */
  readonly argv?: readonly [string, ...string[]];
  readonly code: string;
  /** Part of the message. */
  readonly message: string | RegExp;
  /** Part of what to do. */
  readonly help: string;
}

const LETTERS = ["a", "b", "c", "d", "e"];

/** Words of three letters, all different, and their letters. */
const WORDS: readonly (readonly [string, string])[] = Array.from({ length: 60 }, (_, index) => {
  const word = [index, Math.floor(index / 5), Math.floor(index / 25)]
    .map((place) => LETTERS[place % 5]!)
    .join("");
  return [word, Array.from(word.toUpperCase()).join(" ")];
});

const csv = (header: string, line: (pair: readonly [string, string]) => string): string =>
  `${[header, ...WORDS.map(line)].join("\n")}\n`;
const SOUND = csv("source,target", ([source, target]) => `${source},${target}`);
const jsonl = (record: (pair: readonly [string, string]) => object): string =>
  WORDS.map((pair) => `${JSON.stringify(record(pair))}\n`).join("");

const shape = {
  width: 16,
  heads: 2,
  kvHeads: 2,
  headDim: 8,
  feedForward: 32,
  decoderLayers: 1,
  maxSource: 8,
  maxTarget: 8,
  bias: false,
};
const training = { steps: 2, batchSize: 4, warmupSteps: 1, buckets: 1, evaluateEvery: 2, evaluateRows: 2 };

/** Files of {@link SOUND_RECIPE}. */
export const SOUND_FILES: Readonly<Record<string, string>> = { "rows.csv": SOUND };

/** A recipe without a fault. */
export const SOUND_RECIPE: Mapping = {
  data: { train: "rows.csv", devFraction: 0.2 },
  tokenizer: {},
  teacher: { kind: "train", model: shape, ...training },
  distill: { student: { ...shape, encoderLayers: 1 }, ...training },
  quantize: { schemes: ["int8-dynamic"], gate: { metric: "exactMatch", maxDrop: 1 } },
};

const student = (changes: object): Mapping => ({
  distill: { student: { ...shape, encoderLayers: 1, ...changes } },
});
const data = (changes: object): Mapping => ({ data: changes });

export const WRONG_INPUTS: readonly WrongInput[] = [
  // Files of rows.
  {
    title: "The file of rows is not there",
    recipe: data({ train: "row.csv" }),
    code: "INPUT_MISSING",
    message: "data.train: no such file: row.csv",
    help: "data.train",
  },
  {
    title: "The file of rows is empty",
    files: { "rows.csv": "" },
    code: "DATA_INVALID",
    message: "expected at least one training row, got none of 0 lines",
    help: "slm data inspect",
  },
  {
    title: "The table has a header and no rows",
    files: { "rows.csv": "source,target\n" },
    code: "DATA_INVALID",
    message: "expected at least one training row",
    help: "slm data inspect",
  },
  {
    title: "The table's columns have other names",
    files: { "rows.csv": csv("id,question,answer", ([source, target]) => `1,${source},${target}`) },
    code: "CONFIG_INVALID",
    message: "no column 'source' (source); its columns are id, question, answer",
    help: "data.fields={source: question, target: answer}",
  },
  {
    title: "The table has no header line",
    files: { "rows.csv": SOUND.replace("source,target\n", "") },
    code: "CONFIG_INVALID",
    message: "no column 'source'",
    help: "data.columns=[source, target]",
  },
  {
    title: "Two columns have one name",
    files: { "rows.csv": SOUND.replace("source,target", "source,source") },
    code: "DATA_INVALID",
    message: "two columns are named 'source'",
    help: "data.columns",
  },
  {
    title: "Fields with commas are not in quotes",
    files: { "rows.csv": csv("source,target", ([source, target]) => `${source},${target},more`) },
    code: "DATA_INVALID",
    message: "3 fields, expected 2 as in the header",
    help: "in quotes",
  },
  {
    title: "The delimiter of the recipe is not the file's",
    files: { "rows.csv": SOUND.replaceAll(",", ";") },
    recipe: data({ train: "rows.csv", delimiter: "|" }),
    code: "CONFIG_INVALID",
    message: "its columns are source;target",
    help: "leave data.delimiter out",
  },
  {
    title: "The objects of a JSONL file have other keys",
    files: { "rows.jsonl": jsonl(([text, label]) => ({ text, label })) },
    recipe: data({ train: "rows.jsonl" }),
    code: "DATA_INVALID",
    message: 'unknown key "text"',
    help: "data.fields={source: text, target: label}",
  },
  {
    title: "A JSONL file holds one JSON document",
    files: {
      "rows.jsonl": JSON.stringify(
        WORDS.map(([source, target]) => ({ source, target })),
        null,
        2,
      ),
    },
    recipe: data({ train: "rows.jsonl" }),
    code: "DATA_INVALID",
    message: "expected at least one training row",
    help: "data.format=json",
  },
  {
    title: "More than 1 % of the rows cannot be used",
    files: { "rows.csv": `${SOUND}a,\nb,\nc,\n` },
    code: "DATA_INVALID",
    message:
      /3 of 63 records are no rows \(4.8 %\), expected at most 1 % \(data\.maxRejected\): .*target: expected text/u,
    help: "data.maxRejected=0.05",
  },
  {
    title: "The text is Latin-1, not UTF-8",
    files: {
      "rows.csv": Buffer.from(
        csv("source,target", ([source, target]) => `${source}é,${target}`),
        "latin1",
      ),
    },
    code: "DATA_INVALID",
    message: "not UTF-8 text",
    help: "data.encoding=latin1",
  },
  {
    title: "The text is UTF-16",
    files: { "rows.csv": Buffer.from(`\ufeff${SOUND}`, "utf16le") },
    code: "DATA_INVALID",
    message: "is UTF-16 text, expected UTF-8",
    help: "iconv -f UTF-16 -t UTF-8",
  },
  {
    title: "The rows are a spreadsheet's own file",
    files: { "rows.xlsx": Buffer.from("PK\u0003\u0004") },
    recipe: data({ train: "rows.xlsx" }),
    code: "CONFIG_INVALID",
    message: "no format ends in '.xlsx'",
    help: "save the sheet as CSV",
  },
  {
    title: "The file's ending means no format",
    files: { "rows.data": SOUND },
    recipe: data({ train: "rows.data" }),
    code: "CONFIG_INVALID",
    message: "no format ends in '.data'",
    help: "data.format",
  },
  {
    title: "A file called Parquet is none",
    files: { "rows.parquet": SOUND },
    recipe: data({ train: "rows.parquet" }),
    code: "DATA_INVALID",
    message: "does not end in PAR1",
    help: "data.format",
  },
  {
    title: "A JSON document has no known shape",
    files: { "rows.json": '{"rows": []}' },
    recipe: data({ train: "rows.json" }),
    code: "DATA_INVALID",
    message: "expected a list of rows, SQuAD or SNIPS intents",
    help: "data.format",
  },
  {
    title: "Two files of parallel text have different lengths",
    files: { "a.en": "one\ntwo\nthree\n", "a.fr": "un\ndeux\n" },
    recipe: data({ train: { source: "a.en", target: "a.fr" } }),
    code: "DATA_INVALID",
    message: "a.fr ends before line 3",
    help: "as many lines in both",
  },
  {
    title: "The test file is the training file",
    recipe: data({ train: "rows.csv", test: "rows.csv", devFraction: 0.2 }),
    code: "DATA_INVALID",
    message: "is also in the test file",
    help: "data.testFraction",
  },
  {
    title: "There are too few rows for a dev split",
    files: { "rows.csv": "source,target\nabc,A B C\n" },
    recipe: data({ train: "rows.csv", testFraction: 0, devFraction: 0 }),
    code: "DATA_INVALID",
    message: "expected at least one dev row, got none",
    help: "data.devFraction=0.2",
  },
  {
    title: "Rows name images, and the recipe no folder of them",
    files: { "rows.jsonl": jsonl(([source, target]) => ({ source, target, image: "a.png" })) },
    recipe: data({ train: "rows.jsonl" }),
    code: "DATA_INVALID",
    message: "data.images does not say which folder",
    help: "slm data inspect",
  },
  // Rows against models and metrics.
  {
    title: "Sources are longer than the student reads",
    files: { "rows.csv": `${SOUND}${"abcde".repeat(4)},A B\n` },
    recipe: data({ train: "rows.csv", devFraction: 0.2, testFraction: 0 }),
    code: "DATA_INVALID",
    message:
      /1 of \d+ rows are longer than teacher.model.maxSource, 8 tokens; the longest has 20.*distill.student.maxSource/u,
    help: "distill.student.maxSource=20",
  },
  {
    title: "Targets are longer than the teacher and the student write",
    files: { "rows.csv": `${SOUND}abcd,${"A B ".repeat(6).trim()}\n` },
    recipe: data({ train: "rows.csv", devFraction: 0.2, testFraction: 0 }),
    code: "DATA_INVALID",
    message:
      /rows are longer than teacher.model.maxTarget, 8 tokens; the longest has 13.*distill.student.maxTarget/u,
    help: "teacher.model.maxTarget=13",
  },
  {
    title: "The metric is for JSON, and the targets are words",
    recipe: { quantize: { gate: { metric: "jsonExactMatch", maxDrop: 0.01 } } },
    code: "DATA_INVALID",
    message: "jsonExactMatch cannot read the targets of",
    help: "distill.metrics=[exactMatch]",
  },
  {
    title: "The metric cannot score questions without an answer",
    files: {
      "rows.jsonl": jsonl(([source, target]) => ({ source, target })),
      "dev.jsonl": '{"source":"zz","target":"","references":[]}\n',
    },
    recipe: data({ train: "rows.jsonl", dev: "dev.jsonl" }),
    code: "DATA_INVALID",
    message: "exactMatch cannot read the targets of 1 of 1 dev rows",
    help: "distill.metrics=[squadExactMatch]",
  },
  // The student and its device.
  {
    title: "The device does not compute the precision of the export",
    recipe: { export: { precision: "bfloat16" } },
    code: "OP_UNSUPPORTED",
    message: "distill.student cannot be exported for target cpu, so it is not trained",
    help: "--precision float32",
  },
  {
    title: "The window of an NPU's graphs is longer than the student's targets",
    recipe: {
      export: { target: "npu", window: 4096 },
      quantize: { schemes: ["a16w8"], gate: { metric: "exactMatch", maxDrop: 1 } },
    },
    code: "USAGE",
    message: "the window is at most what the model's caches hold, 8 tokens, got 4096",
    help: "change distill.student, or export.target",
  },
  {
    title: "The heads have an odd size",
    recipe: student({ width: 18, headDim: 9 }),
    code: "CONFIG_INVALID",
    message: "headDim 9 is odd",
    help: "change distill.student",
  },
  {
    title: "The student does not fit on the disk",
    recipe: student({
      width: 262_144,
      headDim: 131_072,
      feedForward: 1_048_576,
      encoderLayers: 4096,
      decoderLayers: 4096,
    }),
    code: "OUTPUT_FAILED",
    message: "the run writes about",
    help: "--out DIRECTORY_ON_ANOTHER_DISK",
  },
  {
    title: "The device does not take the quantization scheme",
    recipe: { export: { target: "npu", profile: "qnn" } },
    code: "OP_UNSUPPORTED",
    message: "does not take scheme 'int8-dynamic'",
    help: "a16w8",
  },
  {
    title: "Graphs for the CPU are to be compiled for a chip",
    recipe: { compile: { socs: ["sm8650"] } },
    code: "OP_UNSUPPORTED",
    message: "vendors' compilers take exports for an NPU",
    help: "--target npu",
  },
  {
    title: "The engine is no engine",
    argv: ["run", "r.yaml", "--set", "engine=cuda"],
    code: "CONFIG_INVALID",
    message: 'engine: Invalid option: expected one of "onnx"|"js"|"tensorflow"',
    help: "engine",
  },
  // The recipe.
  {
    title: "The recipe is not there",
    argv: ["run", "other.yaml"],
    code: "INPUT_MISSING",
    message: "other.yaml",
    help: "slm init",
  },
  {
    title: "The recipe is no YAML",
    text: "data: [\n  train: rows.csv\n",
    code: "CONFIG_INVALID",
    message: "r.yaml:",
    help: "line",
  },
  {
    title: "A key is misspelt",
    recipe: { distill: { stepz: 3 } },
    code: "CONFIG_INVALID",
    message: "distill.stepz: unknown key; did you mean 'steps'?",
    help: "write distill.steps instead of distill.stepz",
  },
  {
    title: "A value is of another kind",
    recipe: { distill: { steps: "many" } },
    code: "CONFIG_INVALID",
    message: "distill.steps: Invalid input: expected number, received string",
    help: "distill.steps",
  },
  {
    title: "No metric is named",
    recipe: { quantize: null },
    code: "CONFIG_INVALID",
    message: "distill.metrics",
    help: "distill.metrics",
  },
  {
    title: "There is no metric of that name",
    recipe: { distill: { metrics: ["accuracy"] } },
    code: "CONFIG_INVALID",
    message: "distill.metrics[0]: Invalid option: expected one of",
    help: "distill.metrics",
  },
  {
    title: "The checkpoint of the teacher is not there",
    recipe: { teacher: { kind: "checkpoint", path: "./teacher" } },
    code: "INPUT_MISSING",
    message: "teacher",
    help: "section 'teacher'",
  },
  {
    title: "The dataset module is not there",
    recipe: { data: { source: { module: "./dataset.ts" } } },
    code: "INPUT_MISSING",
    message: "dataset.ts",
    help: "section 'data'",
  },
  {
    title: "The splits leave nothing to train on",
    recipe: data({ train: "rows.csv", testFraction: 0.6, devFraction: 0.5 }),
    code: "CONFIG_INVALID",
    message: "testFraction and devFraction leave nothing to train on",
    help: "data.testFraction",
  },
  // Flags.
  {
    title: "The stage of --only does not exist",
    argv: ["run", "r.yaml", "--only", "distil"],
    code: "USAGE",
    message: "--only distil: no stage 'distil'; did you mean 'distill'?",
    help: "distill",
  },
  {
    title: "--set has no value",
    argv: ["run", "r.yaml", "--set", "distill.steps"],
    code: "USAGE",
    message: "distill.steps",
    help: "--set",
  },
  {
    title: "slm init is given a table whose columns no name tells",
    files: { "rows.csv": "a,b,c\n1,2,3\n" },
    argv: ["init", "--yes", "--data", "rows.csv", "-o", "new.yaml"],
    code: "USAGE",
    message: "the column of the source cannot be guessed from the names; its columns are a, b, c",
    help: "--source COLUMN --target COLUMN",
  },
];
