/** Run by `node --test tools/suite`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ARM_NAMES, cellRecipe, equalDecoderOnly, isDistinct } from "./arms.mjs";
import { TASK_NAMES, taskRecipe, TASKS } from "./tasks.mjs";

const SETTINGS = { labels: 1000, steps: 7, teacherSteps: 3, benchRuns: 5, testRows: 9, answerTokens: 4 };

const recipeOf = (task) =>
  taskRecipe(task, { data: TASKS[task].needsData ? "/rows" : undefined, isDry: true });

/** A recipe whose student has the teacher's shape and weights, and learns from its distributions. */
function shapedRecipe() {
  const { cache, distill, ...recipe } = recipeOf("synopsis");
  const { encoderLayers, decoderLayers, maxSource, maxTarget } = distill.student;
  const { distributions: _none, ...kept } = cache;
  return {
    ...recipe,
    cache: kept,
    distill: {
      ...distill,
      student: { shape: "teacher", encoderLayers, decoderLayers, maxSource, maxTarget },
      initialize: { fromTeacher: "layers", warmupSteps: 10 },
      loss: { forwardKl: 0.9, crossEntropy: 0.1 },
    },
  };
}

test("labels alone have no cache, no teacher's labels, no distributions and random weights", () => {
  const { cache, teacher, distill } = cellRecipe(shapedRecipe(), "labels", SETTINGS);
  assert.equal(cache, undefined);
  assert.deepEqual(distill.loss, { forwardKl: 0, crossEntropy: 1 });
  assert.deepEqual(distill.targets, {});
  assert.equal(distill.initialize, undefined);
  // The student has the teacher's shape, so the published teacher is there, without fine-tuning.
  assert.equal(teacher.kind, "import");
  assert.equal(teacher.finetune, undefined);
});

test("a student of its own shape needs no teacher for labels alone", () => {
  assert.equal(cellRecipe(recipeOf("synopsis"), "labels", SETTINGS).teacher, undefined);
});

test("arms add one thing after the other to labels", () => {
  const of = (arm) => cellRecipe(recipeOf("synopsis"), arm, SETTINGS);
  assert.equal(of("labels").distill.student.shape, undefined);
  assert.equal(of("labels-shaped").distill.student.shape, "teacher");
  assert.equal(of("labels-shaped").distill.initialize, undefined);
  assert.equal(of("labels-started").distill.initialize.fromTeacher, "layers");
  assert.equal(of("labels-started").cache, undefined);
  assert.ok(of("logits").distill.loss.forwardKl > 0);
  assert.equal(of("logits").cache.distributions, undefined);
  assert.equal(of("logits").distill.initialize.fromTeacher, "layers");
  assert.equal(of("logits").teacher.vocabulary, "run");
  assert.equal(of("full").cache.distributions, "none");
  assert.ok(of("full").distill.targets.unlabelledFraction > 0);
});

test("a setting of initialize in the recipe reaches the arms that begin with the teacher's weights", () => {
  const recipe = recipeOf("synopsis");
  const slower = { ...recipe, distill: { ...recipe.distill, initialize: { rate: 0.1 } } };
  for (const [arm, fromTeacher] of [
    ["labels-started", "layers"],
    ["labels-embeddings", "embeddings"],
  ]) {
    const { initialize } = cellRecipe(slower, arm, SETTINGS).distill;
    assert.deepEqual([initialize.fromTeacher, initialize.rate], [fromTeacher, 0.1]);
  }
  assert.equal(cellRecipe(slower, "labels-shaped", SETTINGS).distill.initialize, undefined);
});

test("the teacher's labels alone are those of a recipe that has more, without the rest", () => {
  const { cache, distill } = cellRecipe(shapedRecipe(), "teacher-labels", SETTINGS);
  assert.equal(cache.distributions, "none");
  assert.equal(distill.loss.forwardKl, 0);
  assert.ok(distill.targets.unlabelledFraction > 0);
  assert.equal(distill.initialize, undefined);
});

test("a student with the teacher's weights and its control differ in nothing but their start", () => {
  for (const task of TASK_NAMES) {
    const of = (arm) => cellRecipe(recipeOf(task), arm, SETTINGS);
    const { initialize, ...distill } = of("labels-started").distill;
    assert.equal(initialize.fromTeacher, "layers");
    assert.deepEqual({ ...of("labels-started"), distill }, of("labels-shaped"));
  }
});

test("every arm of a task has the same data, steps and batches", () => {
  for (const task of TASK_NAMES) {
    const same = ARM_NAMES.map((arm) => {
      const { data, distill } = cellRecipe(recipeOf(task), arm, SETTINGS);
      const { student: _student, initialize: _start, loss: _loss, targets: _targets, ...training } = distill;
      return { data, training };
    });
    for (const one of same) assert.deepEqual(one, same[0]);
    assert.equal(same[0].training.steps, 7);
    assert.equal(same[0].data.labels, 1000);
  }
});

test("students have the recipe's tokenizer, but for those that learn from distributions", () => {
  for (const task of TASK_NAMES)
    for (const arm of ARM_NAMES) {
      const { tokenizer } = cellRecipe(recipeOf(task), arm, SETTINGS);
      if (arm === "logits") assert.equal(tokenizer.kind, "pretrained");
      else assert.deepEqual(tokenizer, recipeOf(task).tokenizer);
    }
});

test("arms that would be the same as another are left out", () => {
  const armsOf = (recipe) => ARM_NAMES.filter((arm) => isDistinct(arm, recipe, SETTINGS));
  // No distributions, so that the teacher's labels are all that there is.
  assert.deepEqual(
    armsOf(recipeOf("dates")),
    ARM_NAMES.filter((arm) => arm !== "teacher-labels"),
  );
  assert.ok(armsOf(shapedRecipe()).includes("teacher-labels"));
});

test("with all labels there are no rows for the teacher to label, and it is not trained to", () => {
  const of = (recipe, arm) => cellRecipe(recipe, arm, { ...SETTINGS, labels: "all" });
  const started = of(recipeOf("synopsis"), "full");
  assert.equal(started.data.labels, undefined);
  assert.equal(started.distill.targets.unlabelledFraction, undefined);
  assert.equal(started.cache, undefined);
  assert.equal(started.distill.initialize.fromTeacher, "embeddings");
  assert.equal(started.teacher.finetune, undefined);
  // Nothing of this recipe's teacher is left, so it is labels alone.
  assert.deepEqual(of(recipeOf("dates"), "full"), of(recipeOf("dates"), "labels"));
  assert.ok(of(recipeOf("dates"), "teacher").teacher.finetune.steps > 0);
  // Distributions are compared where every row has a label, too.
  assert.ok(of(recipeOf("dates"), "logits").teacher.finetune.steps > 0);
  assert.equal(of(recipeOf("dates"), "logits").cache.k, 32);
});

test("a decoder-only student of the teacher's shape has more layers and no encoder", () => {
  const { student, initialize } = cellRecipe(shapedRecipe(), "decoder-only", SETTINGS).distill;
  const { encoderLayers, decoderLayers } = shapedRecipe().distill.student;
  assert.equal(student.architecture, "decoder-only");
  assert.equal(student.encoderLayers, undefined);
  assert.ok(student.decoderLayers >= encoderLayers + decoderLayers);
  assert.equal(initialize.warmupSteps, undefined);
  assert.equal(initialize.fromTeacher, "layers");
});

test("a decoder-only student drafts by no rules, which only an encoder-decoder has", () => {
  const drafted = { ...shapedRecipe(), export: { target: "cpu", draftRules: true } };
  assert.deepEqual(cellRecipe(drafted, "decoder-only", SETTINGS).export, { target: "cpu" });
  assert.deepEqual(cellRecipe(drafted, "full", SETTINGS).export, drafted.export);
});

test("a decoder-only student of its own shape has equal parameters", () => {
  const student = {
    ...{ width: 192, heads: 6, kvHeads: 6, headDim: 32, feedForward: 768 },
    ...{ encoderLayers: 4, decoderLayers: 2, maxSource: 96, maxTarget: 96, bias: false },
  };
  const equal = equalDecoderOnly(student);
  const attention = 4 * 192 * 192;
  const blocks = (layers, inner) => layers * (attention + 2 * 192 * inner);
  const expected = blocks(6, 768) + 2 * attention;
  assert.ok(Math.abs(blocks(equal.decoderLayers, equal.feedForward) / expected - 1) < 0.01);
});
