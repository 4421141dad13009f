import { describe, expect, test } from "vitest";
import { migrateRecipe } from "./migrate.js";

const OLD = `# A student that reads pictures.
seed: 1 # data order

distill:
  student: { width: 8, rotaryBase: 500, gate: silu, untiedHead: true } # small
  # Two batches a step.
  accumulate: 2
  clipNorm: 1.5
  "decayShare": 0.9
  averageDecay: 0.99
  averageBest: 3
  finalLearningRate: 0.1
  recompute: true
  parts:
    tower: frozen # as published
  loss: { vocabulary: mapped }
  targets:
    student: { from: 0, to: 0.4 } # on-policy
    teacher: 0.1
  metrics: [wordError, exactMatch]

data:
  augment: { copies: 2, invent: 0.25 }
  invented:
    sources: 80
quantize:
  gate: { metric: phonemeError, maxDrop: 0.01 }
`;

const NEW = `# A student that reads pictures.
schemaVersion: 2
seed: 1 # data order

distill:
  student: { width: 8, ropeTheta: 500, activation: swiglu, tieWordEmbeddings: false } # small
  # Two batches a step.
  gradientAccumulationSteps: 2
  maxGradNorm: 1.5
  decayFraction: 0.9
  emaDecay: 0.99
  checkpointAveraging: 3
  minLearningRateRatio: 0.1
  gradientCheckpointing: true
  modules:
    tower: frozen # as published
  loss: { crossTokenizer: aligned }
  targets:
    onPolicyFraction: { from: 0, to: 0.4 } # on-policy
    sequenceKdFraction: 0.1
  metrics: [wer, exactMatch]

data:
  augment: { copies: 2, syntheticValues: 0.25 }
  synthetic:
    sources: 80
quantize:
  gate: { metric: per, maxDrop: 0.01 }
`;

describe(migrateRecipe, () => {
  test("replaces keys and values where they stand and keeps comments, order and layout", () => {
    const { text, changes } = migrateRecipe(OLD, "old.yaml");
    expect(text).toBe(NEW);
    expect(changes).toContain("distill.accumulate is now gradientAccumulationSteps");
    expect(changes).toContain("distill.student.untiedHead is now tieWordEmbeddings: false");
    expect(changes).toContain("quantize.gate.metric is now per");
  });

  test("gives back a recipe of now as it is", () => {
    expect(migrateRecipe(NEW, "new.yaml")).toEqual({ text: NEW, changes: [] });
  });

  test("raises a version that is written", () => {
    expect(migrateRecipe("schemaVersion: 1\nseed: 2\n", "a.yaml").text).toBe("schemaVersion: 2\nseed: 2\n");
  });

  test("edits a mapping that is merged into others once, where it is written", () => {
    const merged =
      "distill: &base\n  steps: 1\n  accumulate: 2\nteacher:\n  <<: *base\n  kind: train\n  clipNorm: 1\n";
    expect(migrateRecipe(merged, "a.yaml").text).toBe(
      "schemaVersion: 2\ndistill: &base\n  steps: 1\n  gradientAccumulationSteps: 2\nteacher:\n  <<: *base\n  kind: train\n  maxGradNorm: 1\n",
    );
  });

  test("writes into a recipe of one line", () => {
    expect(migrateRecipe("{ distill: { steps: 1, accumulate: 2 } }\n", "a.yaml").text).toBe(
      "{ schemaVersion: 2, distill: { steps: 1, gradientAccumulationSteps: 2 } }\n",
    );
  });

  test("leaves keys of the same name with another meaning alone", () => {
    const text =
      "schemaVersion: 2\ndata: { unlabelled: { path: a.txt } }\nquantize:\n  gate: { metric: exactMatch, maxDrop: 0.1 }\n";
    expect(migrateRecipe(text, "a.yaml")).toEqual({ text, changes: [] });
  });

  test.each(["schemaVersion: 0\n", 'schemaVersion: "2"\n'])(
    "rejects a version it does not know: %s",
    (text) => {
      expect(() => migrateRecipe(text, "a.yaml")).toThrow("a.yaml: schemaVersion: expected 2");
    },
  );

  test("says that a newer slm wrote a recipe of a later version", () => {
    expect(() => migrateRecipe("schemaVersion: 3\n", "a.yaml")).toThrow(
      "a.yaml: written by a newer slm: upgrade",
    );
  });
});
