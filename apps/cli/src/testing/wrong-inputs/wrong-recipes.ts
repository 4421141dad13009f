/** Recipes and flags that contradict the rows, the device or each other. */
import type { Mapping } from "@slm/pipeline/recipe/mapping";
import { data, jsonl, shape, SOUND, type WrongInput } from "./wrong-input.js";

const student = (changes: object): Mapping => ({
  distill: { student: { ...shape, encoderLayers: 1, ...changes } },
});
export const WRONG_RECIPES: readonly WrongInput[] = [
  // Rows against models and metrics.
  {
    title: "Sources are longer than the student's limit",
    files: { "rows.csv": `${SOUND}${"abcde".repeat(4)},A B\n` },
    recipe: data({ train: "rows.csv", devFraction: 0.2, testFraction: 0 }),
    code: "DATA_INVALID",
    message:
      /1 of \d+ rows are longer than teacher.model.maxSource, 8 tokens; the longest has 20.*distill.student.maxSource/u,
    help: "distill.student.maxSource=20",
  },
  {
    title: "Targets are longer than the limits of teacher and student",
    files: { "rows.csv": `${SOUND}abcd,${"A B ".repeat(6).trim()}\n` },
    recipe: data({ train: "rows.csv", devFraction: 0.2, testFraction: 0 }),
    code: "DATA_INVALID",
    message:
      /rows are longer than teacher.model.maxTarget, 8 tokens; the longest has 13.*distill.student.maxTarget/u,
    help: "teacher.model.maxTarget=13",
  },
  {
    title: "The metric needs JSON, but the targets are plain text",
    recipe: { metrics: ["jsonExactMatch"] },
    code: "DATA_INVALID",
    message: "jsonExactMatch cannot read the targets of",
    help: "metrics=[exactMatch]",
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
    help: "metrics=[squadExactMatch]",
  },
  {
    title: "The teacher should label sources, but every row has a label",
    recipe: { distill: { targets: { unlabelledFraction: 0.8 } } },
    code: "INPUT_MISSING",
    message:
      "distill.targets.unlabelledFraction: expected unlabelled sources for 0.8 of the batches, got none",
    help: "--set distill.targets.unlabelledFraction=0",
  },
  {
    title: "Every batch is on-policy, but the recipe has a cache",
    recipe: { cache: { k: 4 }, distill: { targets: { onPolicyFraction: 1 } } },
    code: "CONFIG_INVALID",
    message: "the student does not read the distributions and labels of section cache",
    help: "--set cache=null",
  },
  {
    title: "A teacher that only labels should score the student's samples",
    recipe: {
      teacher: { kind: "command", command: ["true"] },
      distill: { targets: { onPolicyFraction: 0.5 } },
    },
    code: "CONFIG_INVALID",
    message: "got teacher.kind command, which only labels sources",
    help: "--set distill.targets.onPolicyFraction=0",
  },
  // The student and its device.
  {
    title: "The device does not support the precision of the export",
    recipe: { export: { precision: "bfloat16" } },
    code: "OP_UNSUPPORTED",
    message: "distill.student cannot be exported for target cpu, so it is not trained",
    help: "--precision float32",
  },
  {
    title: "The device does not support the precision of the training",
    recipe: { distill: { mixedPrecision: "bfloat16" } },
    code: "CONFIG_INVALID",
    message: "mixedPrecision: provider cpu supports float32 or float16, got bfloat16",
    help: "mixedPrecision: float16",
  },
  {
    title: "The student is trained for a scheme that the target does not support",
    recipe: {
      distill: { quantize: { scheme: "int2-block", steps: 1 } },
      export: { target: "web" },
    },
    code: "CONFIG_INVALID",
    message: "the student is trained for int2-block, but target 'web', profile 'webgpu', does not support it",
    help: "leave out distill.quantize",
  },
  {
    title: "The student has widths that the blocks of its quantization scheme do not divide",
    recipe: {
      distill: { quantize: { scheme: "cpu", steps: 1 } },
      quantize: { schemes: ["cpu"], gate: { maxDrop: 1 } },
    },
    code: "CONFIG_INVALID",
    message: "scheme cpu stores blocks of 32 weights, which do not divide",
    help: "multiples of 32",
  },
  {
    title: "The size of the attention heads is odd",
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
    title: "The device does not support the quantization scheme",
    recipe: { export: { target: "npu", profile: "qnn" } },
    code: "OP_UNSUPPORTED",
    message: "does not support scheme 'int8-dynamic'",
    help: "a16w8",
  },
  {
    title: "A CPU export is compiled for an NPU",
    recipe: { compile: { socs: ["sm8650"] } },
    code: "OP_UNSUPPORTED",
    message: "only exports for an NPU can be compiled",
    help: "--target npu",
  },
  // The recipe.
  {
    title: "The recipe does not exist",
    argv: ["run", "other.yaml"],
    code: "INPUT_MISSING",
    message: "other.yaml",
    help: "slm init",
  },
  {
    title: "The recipe is not valid YAML",
    text: "data: [\n  train: rows.csv\n",
    code: "CONFIG_INVALID",
    message: "r.yaml:",
    help: "line",
  },
  {
    title: "A key is misspelled",
    recipe: { distill: { step: 3 } },
    code: "CONFIG_INVALID",
    message: "distill.step: unknown key; did you mean 'steps'?",
    help: "write distill.steps instead of distill.step",
  },
  {
    title: "A value has the wrong type",
    recipe: { distill: { steps: "many" } },
    code: "CONFIG_INVALID",
    message: "distill.steps: Invalid input: expected number, received string",
    help: "distill.steps",
  },
  {
    title: "No metric is set",
    recipe: { metrics: undefined },
    code: "CONFIG_INVALID",
    message: "metrics: expected at least one metric",
    help: "change metrics",
  },
  {
    title: "The metric does not exist",
    recipe: { metrics: ["goodness"] },
    code: "CONFIG_INVALID",
    message: "metrics[0]: Invalid option: expected one of",
    help: "change metrics",
  },
  {
    title: "The teacher's checkpoint does not exist",
    recipe: { teacher: { kind: "checkpoint", path: "./teacher" } },
    code: "INPUT_MISSING",
    message: "teacher",
    help: "section 'teacher'",
  },
  {
    title: "The dataset module does not exist",
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
    title: "The stage in --only does not exist",
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
    title: "slm init cannot guess the columns of a table",
    files: { "rows.csv": "a,b,c\n1,2,3\n" },
    argv: ["init", "--yes", "--data", "rows.csv", "-o", "new.yaml"],
    code: "USAGE",
    message: "the column of the source cannot be guessed from the names; its columns are a, b, c",
    help: "--source COLUMN --target COLUMN",
  },
];
