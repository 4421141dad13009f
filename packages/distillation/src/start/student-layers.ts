/** Initializes a student from the layers of its teacher. */
import { createRandom } from "@slm/generation";
import {
  chooseLayers,
  decoderOnlyTeacher,
  initializeWeights,
  isNarrower,
  narrowTeacher,
  pickTokens,
  studentFromTeacher,
  withLayerOptions,
  type ChosenLayers,
  type DecoderOnlyModel,
  type LayerChoice,
  type ModelConfig,
  type Weights,
} from "@slm/model";
import type { Engine } from "@slm/tensor";
import type { TokenizerFiles } from "@slm/tokenizer";
import type { RateGroups, TokenPairs } from "@slm/training";
import type { InitializeConfig } from "../config/initialize-config.js";
import { calibrationRows, measureTeacher } from "./measure-teacher.js";
import { scaleStart, type StartScale } from "./start-scale.js";
import { relativeRates } from "./relative-rates.js";
import { readSingleTeacher } from "./single-teacher.js";
import {
  speltMessage,
  speltTokens,
  studentTokens,
  teacherTokens,
  type SpeltTokens,
} from "./teacher-tokens.js";

export interface StudentLayersRequest {
  readonly config: ModelConfig;
  /** The student's tokenizer. */
  readonly files: TokenizerFiles;
  readonly initialize: InitializeConfig;
  readonly teacherDirectory: string | undefined;
  /** Steps over which the learning rate rises. */
  readonly warmupSteps: number;
  /** Training pairs in the student's tokens, to measure the teacher's layers on. */
  readonly pairs: TokenPairs;
  readonly engine: Engine;
  readonly seed: number;
}

/** Layers of the teacher that became the student's. */
export interface TeacherLayers extends ChosenLayers {
  /** Block influence of every layer of the teacher, where it was measured. */
  readonly influence?: readonly number[] | undefined;
  /** How sure the student is at the start; undefined for one that is its teacher whole. */
  readonly start?: StartScale | undefined;
  /** Where the student's vocabulary is no part of the teacher's. */
  readonly spelt?: SpeltTokens | undefined;
}

export interface StudentLayers {
  /** The student's configuration with the options that the layers bring along. */
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly groups: RateGroups;
  readonly layers: TeacherLayers;
}

/**
 * A student out of the layers of its teacher.
 *
 * @throws SlmError CONFIG_INVALID for a teacher that is no single decoder-only checkpoint, or another shape than its own; SHAPE_MISMATCH
 * for a vocabulary that the teacher cannot spell.
 */
export async function studentLayers(request: StudentLayersRequest): Promise<StudentLayers> {
  const { config: wanted, files, initialize, teacherDirectory, warmupSteps, pairs, engine, seed } = request;
  const given = await readSingleTeacher(teacherDirectory, "initialize.fromTeacher");
  const whole: DecoderOnlyModel = { config: decoderOnlyTeacher(given.config), weights: given.weights };
  const place = { directory: teacherDirectory!, config: whole.config };
  const { ids, isPart } = await teacherTokens(await studentTokens(wanted, files, pairs), place);
  const teacher = pickTokens(whole, ids, wanted.tokens);
  const sides = sidesOf(wanted, initialize, teacher.config.decoderLayers);
  const isCut = isNarrower(wanted, teacher.config);
  const isMeasured = isCut || Object.values(sides).some(({ isMeasured: choice }) => choice);
  const statistics = isMeasured
    ? await measureTeacher(engine, teacher, await calibrationRows(pairs, wanted.tokens))
    : undefined;
  const influence = statistics && [...statistics.influence];
  const layers = {
    encoder: sides.encoder.layers(influence),
    decoder: sides.decoder.layers(influence),
  };
  const narrow =
    statistics === undefined || !isCut
      ? teacher
      : narrowTeacher(teacher, wanted, statistics, new Set([...layers.encoder, ...layers.decoder]));
  const config = withLayerOptions(wanted, teacher.config, layers);
  const fresh = initializeWeights(config, createRandom(seed).next);
  const started = studentFromTeacher({ config, fresh, teacher: narrow, layers });
  const isWhole = layers.encoder.length === 0 && layers.decoder.length === teacher.config.decoderLayers;
  const scaled =
    isWhole && !isCut
      ? { weights: started.weights, start: undefined }
      : await scaleStart(engine, config, started.weights, pairs);
  return {
    config,
    weights: scaled.weights,
    groups: relativeRates({ config, initialize, warmupSteps, started, isScaled: scaled.start !== undefined }),
    layers: {
      ...layers,
      influence,
      start: scaled.start,
      ...(isPart ? {} : { spelt: speltTokens(ids) }),
    },
  };
}

/** Which layers a student has, and how sure it is at the start. */
export function layersMessage({ encoder, decoder, start, spelt }: TeacherLayers): string {
  const sides = Object.entries({ encoder, decoder })
    .filter(([, layers]) => layers.length > 0)
    .map(([side, layers]) => `${side} of the teacher's layers ${layers.join(", ")}`);
  const notes = [spelt && speltMessage(spelt), start && sureness(start)].filter((note) => note !== undefined);
  return [sides.join(", "), ...notes].join("; ");
}

const sureness = ({ scale, before, after }: StartScale): string =>
  `${before.toFixed(2)} nats per token at the start, ${after.toFixed(2)} with logits times ${scale.toPrecision(2)}`;

/** How the layers of one side are chosen. */
interface SideChoice {
  /** Whether the choice depends on the influence of layers. */
  readonly isMeasured: boolean;
  readonly layers: (influence: readonly number[] | undefined) => readonly number[];
}

function sidesOf(
  config: ModelConfig,
  { encoderLayers, decoderLayers }: InitializeConfig,
  of: number,
): Readonly<Record<keyof ChosenLayers, SideChoice>> {
  const side = (count: number, choice: LayerChoice = "every"): SideChoice => ({
    // All layers are chosen in the same way by every rule.
    isMeasured: choice === "importance" && count < of,
    layers: (influence) =>
      choice === "importance" && count === of
        ? chooseLayers("every", { count, of })
        : chooseLayers(choice, { count, of }, influence),
  });
  return {
    encoder:
      config.architecture === "decoder-only"
        ? { isMeasured: false, layers: () => [] }
        : side(config.encoderLayers, encoderLayers),
    decoder: side(config.decoderLayers, decoderLayers),
  };
}
