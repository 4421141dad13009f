/** Combines teachers to an ensemble: the weighted mean of their probabilities at every token. */
import type { StepDecoder } from "@slm/generation";
import { SlmError } from "@slm/core";
import { createHostTensor } from "@slm/runtime";
import type { Engine } from "@slm/tensor";
import { decodeWith, generateWith } from "./generate.js";
import type { Teacher, TeacherLimits } from "./teacher.js";

/** Combines teachers with one vocabulary. Closing the ensemble closes its members.
 *
 * @param weights one per member, in any unit. Default: equal.
 * @throws SlmError SHAPE_MISMATCH if members differ in vocabulary size or special tokens, CONFIG_INVALID unless there is one
 * positive weight per member.
 */
export function joinTeachers(
  engine: Engine,
  members: readonly Teacher[],
  weights?: readonly number[],
): Teacher {
  const shares = sharesOf(members, weights);
  const config = commonConfig(members);
  const { vocabularySize } = config;

  const start: Teacher["start"] = async (sources, shape) => {
    const decoders: StepDecoder[] = [];
    for (const member of members) decoders.push(await member.start(sources, shape));
    return {
      rows: shape.batch,
      vocabularySize,
      step: async (tokens) => {
        const logits: Float32Array[] = [];
        for (const decoder of decoders) logits.push((await decoder.step(tokens)).slice());
        return meanDistribution(logits, shares, vocabularySize);
      },
      permuteRows: async (rows) => {
        for (const decoder of decoders) await decoder.permuteRows(rows);
      },
    };
  };

  return {
    config,
    parameters: members.reduce((sum, { parameters }) => sum + parameters, 0),
    start,
    decode: decodeWith(start, config.tokens),
    generate: generateWith(start, config.tokens),
    score: async (pairs, shape) => {
      const logits: Float32Array[] = [];
      for (const member of members) {
        const scored = await member.score(pairs, shape);
        logits.push((await engine.download(scored)).data as Float32Array);
        await engine.release([scored]);
      }
      const mean = meanDistribution(logits, shares, vocabularySize);
      return engine.upload(createHostTensor("float32", [shape.batch * shape.target, vocabularySize], mean));
    },
    close: async () => {
      for (const member of members) await member.close();
    },
  };
}

/** Weights that sum to 1. */
function sharesOf(members: readonly Teacher[], weights: readonly number[] | undefined): readonly number[] {
  const given = weights ?? members.map(() => 1);
  if (members.length === 0 || given.length !== members.length) {
    throw new SlmError(
      "CONFIG_INVALID",
      `teacher: expected at least one member, and one weight per member, got ${members.length} members and ${given.length} weights`,
    );
  }
  const total = given.reduce((sum, weight) => sum + weight, 0);
  if (given.some((weight) => !(weight > 0)) || !Number.isFinite(total))
    throw new SlmError("CONFIG_INVALID", `teacher: weights must be positive, got ${given.join(", ")}`);
  return given.map((weight) => weight / total);
}

/** Combines the members' configurations. @throws SlmError SHAPE_MISMATCH */
function commonConfig(members: readonly Teacher[]): TeacherLimits {
  const { config } = members[0]!;
  const marks = ({ tokens }: TeacherLimits): string => Object.values(tokens).join();
  members.forEach((member, index) => {
    const { vocabularySize } = member.config;
    if (vocabularySize === config.vocabularySize && marks(member.config) === marks(config)) return;
    throw new SlmError(
      "SHAPE_MISMATCH",
      `teacher: member 0 has ${config.vocabularySize} tokens with special tokens ${marks(config)}, but ` +
        `member ${index} has ${vocabularySize} with ${marks(member.config)}; all members must have the same vocabulary`,
      { suggestions: ["train all members with this run's tokenizer"] },
    );
  });
  const shortest = (side: "maxSource" | "maxTarget"): number =>
    Math.min(...members.map((member) => member.config[side]));
  const { vocabularySize, tokens } = config;
  return { vocabularySize, tokens, maxSource: shortest("maxSource"), maxTarget: shortest("maxTarget") };
}

/**
 * Log of the weighted mean of the members' probabilities, row by row: log(sum of w · softmax(logits)).
 *
 * Shapes: each member's logits `[rows · vocab]` flat -> the same. Units: nats. Weights sum to 1.
 */
export function meanDistribution(
  members: readonly Float32Array[],
  weights: readonly number[],
  vocabularySize: number,
): Float32Array {
  const result = new Float32Array(members[0]!.length);
  const mean = new Float64Array(vocabularySize);
  const masses = new Float64Array(vocabularySize);
  for (let begin = 0; begin < result.length; begin += vocabularySize) {
    mean.fill(0);
    for (let member = 0; member < members.length; member++) {
      const row = members[member]!.subarray(begin, begin + vocabularySize);
      const share = weights[member]! / exponentials(row, masses);
      for (let id = 0; id < vocabularySize; id++) mean[id]! += share * masses[id]!;
    }
    // The smallest double, if every member's probability underflows.
    for (let id = 0; id < vocabularySize; id++)
      result[begin + id] = Math.log(Math.max(mean[id]!, Number.MIN_VALUE));
  }
  return result;
}

/** Writes exp(logits - maximum) to `masses`, and returns the sum. Subtracting the maximum avoids overflow. */
function exponentials(logits: Float32Array, masses: Float64Array): number {
  let largest = -Infinity;
  for (let id = 0; id < logits.length; id++) if (logits[id]! > largest) largest = logits[id]!;
  let sum = 0;
  for (let id = 0; id < logits.length; id++) {
    const mass = Math.exp(logits[id]! - largest);
    masses[id] = mass;
    sum += mass;
  }
  return sum;
}
