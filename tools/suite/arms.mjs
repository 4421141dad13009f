/** The arms of the suite: what each makes of a task's recipe. A row more is an arm more. */

/**
 * - `recipe`: the arm's recipe out of the task's.
 * - `needsUnlabelled`: there is nothing to it where all rows have labels.
 * - `isTeacher`: the teacher itself is measured, and no student trained.
 */
export const ARMS = {
  labels: { title: "labels only", recipe: (recipe) => withoutTeaching(withRandomStart(recipe)) },
  "labels-embeddings": {
    title: "labels, teacher's embeddings",
    recipe: (recipe) => withoutTeaching(withTeachersEmbeddings(recipe)),
  },
  "labels-shaped": {
    title: "labels, teacher's shape",
    recipe: (recipe) => withoutTeaching(withRandomStart(withTeachersShape(recipe))),
  },
  "labels-started": {
    title: "labels, teacher's weights",
    recipe: (recipe) => withoutTeaching(withTeachersShape(recipe)),
  },
  "teacher-labels": {
    title: "teacher's labels",
    recipe: (recipe) => withoutDistributions(withRandomStart(recipe)),
    needsUnlabelled: true,
  },
  logits: {
    title: "with distributions",
    recipe: (recipe) => withDistributions(withTeachersTokens(withTeachersShape(recipe))),
  },
  full: { title: "default recipe", recipe: (recipe) => recipe },
  "decoder-only": { title: "decoder-only student", recipe: withDecoderOnly },
  teacher: { title: "teacher", recipe: (recipe) => recipe, isTeacher: true },
};

export const ARM_NAMES = Object.keys(ARMS);

/** What the titles mean, for readers of the tables. */
export const ARMS_EXPLAINED =
  "Arms. Labels only: the rows with labels, random weights. Labels, teacher's embeddings: that student, whose embedding starts as the published teacher's. " +
  "Labels, teacher's shape: as many layers of the teacher's width, random weights. " +
  "Labels, teacher's weights: that student, begun with the published teacher's layers and the rows of its tokens. Teacher's labels: random " +
  "weights, and the teacher's labels on the rows without one. With distributions: the student begun with the teacher's layers and a part of its tokens, with " +
  "the teacher's labels and its distributions. Default recipe: the task's recipe as it stands. Decoder-only student: the default recipe with a decoder-only student of as " +
  "many parameters as whole layers allow. Teacher: the teacher itself, after fine-tuning on the rows with labels.";

/** Pairs of arms that are compared with each other too: the first should be better. */
export const COMPARED = [
  ["full", "decoder-only"],
  ["labels-started", "labels-shaped"],
];

/** The arm that all others are compared with. */
export const BASE_ARM = "labels";

/** Arms that always run. Another arm that makes the same of a recipe as one of them adds nothing. */
const KEPT_ARMS = [BASE_ARM, "full"];

/** Whether an arm differs for a recipe from those that always run. */
export function isDistinct(arm, recipe, settings) {
  const madeBy = (one) => JSON.stringify(cellRecipe(recipe, one, settings));
  return (
    ARMS[arm].isTeacher === true ||
    KEPT_ARMS.includes(arm) ||
    KEPT_ARMS.every((kept) => madeBy(kept) !== madeBy(arm))
  );
}

/** Labels of a cell: a number of rows, or all. */
export const ALL_LABELS = "all";

/**
 * The recipe of a cell, without its seed.
 *
 * Every arm of a task has the same data, steps, batches and schedule. The gate of quantization is opened: a drop is a result here.
 */
export function cellRecipe(recipe, arm, { labels, steps, teacherSteps, benchRuns, testRows, answerTokens }) {
  const { deploy: _deploy, ...ofArm } = ARMS[arm].recipe(recipe);
  const measured = labels === ALL_LABELS && !ARMS[arm].isTeacher ? withAllLabels(ofArm) : ofArm;
  const { quantize, distill, teacher, data } = measured;
  const { labels: _few, ...everyLabel } = data;
  return {
    ...measured,
    data: labels === ALL_LABELS ? everyLabel : { ...data, labels },
    ...(teacher === undefined ? {} : { teacher: withTeacherSteps(teacher, teacherSteps) }),
    distill: steps === undefined ? distill : { ...distill, steps },
    quantize: {
      ...quantize,
      schemes: quantize.schemes.slice(0, 1),
      gate: { ...quantize.gate, maxDrop: OPEN_GATE },
      evaluateRows: testRows,
    },
    bench: { runs: benchRuns, forceTokens: answerTokens, baseline: null },
  };
}

/** More than any metric can fall, whether it counts in fractions or in points. */
const OPEN_GATE = 100;

const withDistill = (recipe, settings) => ({ ...recipe, distill: { ...recipe.distill, ...settings } });

/** Labels alone: no cache, no teacher's labels; the teacher stays, as it was published, where the student has its shape or weights. */
function withoutTeaching({ cache: _cache, teacher, ...recipe }) {
  const { distill } = recipe;
  const isNeeded =
    distill.student.shape === "teacher" || (distill.initialize?.fromTeacher ?? "none") !== "none";
  const { finetune: _finetune, ...published } = teacher ?? {};
  const labelled = withDistill(recipe, { loss: { forwardKl: 0, crossEntropy: 1 }, targets: {} });
  return isNeeded ? { ...labelled, teacher: published } : labelled;
}

/** The teacher's labels and no distributions. Targets that the student samples are compared with distributions, so there are none. */
function withoutDistributions(recipe) {
  const { onPolicyFraction: _sampled, ...targets } = recipe.distill.targets ?? {};
  return {
    ...withDistill(recipe, { loss: { forwardKl: 0, crossEntropy: 1 }, targets }),
    cache: { ...recipe.cache, distributions: "none" },
  };
}

/**
 * The recipe with a student of the teacher's width, heads and activation, and of as many layers as it had, which begin as the first layers
 * of the teacher, with the settings of the recipe's own `initialize`.
 */
function withTeachersShape(recipe) {
  const { encoderLayers, decoderLayers, maxSource, maxTarget } = recipe.distill.student;
  return withDistill(recipe, {
    student: { shape: "teacher", encoderLayers, decoderLayers, maxSource, maxTarget },
    initialize: {
      encoderLayers: "first",
      decoderLayers: "first",
      ...recipe.distill.initialize,
      fromTeacher: "layers",
    },
  });
}

/** The recipe's student, whose embedding starts as the teacher's, with the settings of the recipe's own `initialize`. */
const withTeachersEmbeddings = (recipe) =>
  withDistill(recipe, { initialize: { ...recipe.distill.initialize, fromTeacher: "embeddings" } });

/** Tokens of the teacher that a student has which learns from its distributions; other texts are spelt in bytes or pieces. */
const TEACHERS_TOKENS = 8192;

/** The recipe with a part of the teacher's tokens for teacher and student. */
function withTeachersTokens(recipe) {
  return {
    ...recipe,
    tokenizer: {
      kind: "pretrained",
      model: recipe.teacher.model,
      prune: { vocabularySize: TEACHERS_TOKENS },
    },
    teacher: { ...recipe.teacher, vocabulary: "run" },
  };
}

/** The teacher's 32 most probable tokens at each position, with the paper's weights of the two losses. */
function withDistributions({ cache, ...recipe }) {
  const { distributions: _none, ...kept } = cache;
  return {
    ...withDistill(recipe, { loss: { forwardKl: 0.9, crossEntropy: 0.1 } }),
    cache: { ...kept, k: 32 },
  };
}

function withRandomStart(recipe) {
  const { initialize: _start, ...distill } = recipe.distill;
  return { ...recipe, distill };
}

/** No row is left without a label, so a teacher that only labels has nothing to do: at most its published weights are read. */
function withAllLabels(recipe) {
  const { unlabelledFraction: _share, ...targets } = recipe.distill.targets ?? {};
  const labelled = withDistill(recipe, { targets });
  return comparesDistributions(recipe.distill.loss) ? labelled : withoutTeaching(labelled);
}

/** Whether a term of the loss compares the student with the teacher: in the suite's recipes the forward divergence is the one that may. */
const comparesDistributions = ({ forwardKl }) => forwardKl !== 0;

function withTeacherSteps(teacher, steps) {
  if (steps === undefined) return teacher;
  if (teacher.kind === "train") return { ...teacher, steps };
  return teacher.finetune === undefined ? teacher : { ...teacher, finetune: { ...teacher.finetune, steps } };
}

/** Settings of `initialize` that only an encoder-decoder has. */
const ENCODER_START = ["encoderLayers", "crossAttention", "warmupSteps"];

/** The recipe with a decoder-only student of equal size. Draft rules are an encoder-decoder's, so there are none. */
function withDecoderOnly(recipe) {
  const { student, initialize } = recipe.distill;
  const start = Object.entries(initialize ?? {}).filter(([key]) => !ENCODER_START.includes(key));
  const { draftRules: _rules, ...exported } = recipe.export ?? {};
  const allowed = recipe.export === undefined ? recipe : { ...recipe, export: exported };
  return withDistill(allowed, {
    student: student.shape === "teacher" ? teachersLayers(student) : equalDecoderOnly(student),
    ...(initialize === undefined ? {} : { initialize: Object.fromEntries(start) }),
  });
}

/** Cross-attention's part of a decoder layer: that of self-attention in the layers of SmolLM2 (0.20) and of Gemma 3 (0.23). */
const CROSS_SHARE = 0.22;

/** As many layers of the teacher's shape as come nearest to the parameters of the encoder-decoder. */
function teachersLayers({ encoderLayers, decoderLayers, ...student }) {
  const layers = Math.round(encoderLayers + decoderLayers * (1 + CROSS_SHARE));
  return { ...student, architecture: "decoder-only", decoderLayers: layers };
}

/**
 * A decoder-only shape with the parameters of an encoder-decoder: the nearest number of layers, then the feed-forward width that makes
 * them equal, in steps of 8.
 */
export function equalDecoderOnly({ encoderLayers, decoderLayers, ...student }) {
  const { width, heads, kvHeads, headDim, feedForward, activation = "gelu" } = student;
  const attention = 2 * width * headDim * (heads + kvHeads);
  const matrices = activation === "gelu" ? 2 : 3;
  const block = attention + matrices * width * feedForward;
  const total = encoderLayers * block + decoderLayers * (block + attention);
  const layers = Math.round(total / block);
  const inner = 8 * Math.round((total / layers - attention) / (matrices * width) / 8);
  return { ...student, architecture: "decoder-only", decoderLayers: layers, feedForward: inner };
}
