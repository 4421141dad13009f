/** The shape of a student that is cut from a teacher: a recipe chooses a few sizes, and copies everything else from the teacher. */
import { SlmError } from "@slm/core";
import type { z } from "zod";
import type {
  DecoderOnlyConfig,
  decoderOnlyShape,
  EncoderDecoderConfig,
  encoderDecoderShape,
  ModelConfig,
} from "../config/config.js";

/** The chosen sizes. Default: the teacher's. */
export interface TeacherShapeRequest {
  readonly architecture: ModelConfig["architecture"];
  /** Only for an encoder-decoder. */
  readonly encoderLayers?: number | undefined;
  readonly decoderLayers: number;
  /** [tokens] */
  readonly maxSource: number;
  readonly maxTarget: number;
  readonly width?: number | undefined;
  readonly heads?: number | undefined;
  readonly kvHeads?: number | undefined;
  readonly feedForward?: number | undefined;
  readonly tieWordEmbeddings?: boolean | undefined;
}

type Shape = z.infer<typeof encoderDecoderShape> | z.infer<typeof decoderOnlyShape>;

const reject = (message: string, suggestions: readonly string[] = []): SlmError =>
  new SlmError("CONFIG_INVALID", `student of the teacher's shape: ${message}`, { suggestions });

/** @throws SlmError CONFIG_INVALID unless the teacher is decoder-only */
export function decoderOnlyTeacher(teacher: ModelConfig): DecoderOnlyConfig {
  if (teacher.architecture === "decoder-only") return teacher;
  throw reject("expected a decoder-only teacher, got an encoder-decoder", [
    "use distill.initialize.student to start from an encoder-decoder",
  ]);
}

/**
 * Returns the shape of a student that is cut from a teacher.
 *
 * - Heads, activation, norms, biases and rotation are copied from the teacher. Cross-attention has the norms of self-attention's heads.
 * - Options of single layers (sliding windows, their own RoPE bases) are copied with the layers: {@link withLayerOptions}.
 *
 * @throws SlmError CONFIG_INVALID for a teacher that is not decoder-only, for sizes above the teacher's, and for teacher options that an
 * encoder-decoder does not support: a softcap of attention scores, and a window shorter than sources or targets.
 */
export function studentOfTeacher(request: TeacherShapeRequest, given: ModelConfig): Shape {
  const teacher = decoderOnlyTeacher(given);
  const { architecture, encoderLayers, decoderLayers, maxSource, maxTarget } = request;
  const sizes = sizesOf(request, teacher);
  const { headDim, ropeTheta, ropeInverseFrequencies, normEpsilon, bias, headOrder } = teacher;
  const { activation, qkNorm, postNorm, logitSoftcap, attentionSoftcap } = teacher;
  const { tieWordEmbeddings = teacher.tieWordEmbeddings } = request;
  const shared = {
    ...sizes,
    headDim,
    decoderLayers,
    maxSource,
    maxTarget,
    ropeTheta,
    ropeInverseFrequencies,
    normEpsilon,
    bias,
    headOrder,
    activation,
    qkNorm,
    postNorm,
    tieWordEmbeddings,
    logitSoftcap,
  };
  if (architecture === "decoder-only") return { architecture, ...shared, attentionSoftcap };
  if (encoderLayers === undefined) throw reject("encoderLayers is missing");
  checkEncoderDecoder(request, teacher);
  return { architecture, encoderLayers, ...shared, crossQkNorm: qkNorm };
}

/** Width, heads and feed-forward width. With fewer heads, each key/value head serves as many query heads as in the teacher. */
function sizesOf(
  request: TeacherShapeRequest,
  teacher: DecoderOnlyConfig,
): Pick<DecoderOnlyConfig, "width" | "heads" | "kvHeads" | "feedForward"> {
  const group = teacher.heads / teacher.kvHeads;
  const { heads = request.kvHeads === undefined ? teacher.heads : request.kvHeads * group } = request;
  const { width = teacher.width, feedForward = teacher.feedForward, kvHeads = heads / group } = request;
  const sizes = { width, heads, kvHeads, feedForward };
  if (!Number.isInteger(kvHeads) || heads !== kvHeads * group)
    throw reject(
      `${heads} heads and ${kvHeads} kvHeads: the teacher has ${group} query heads for each key/value head, so heads must be ${group} x kvHeads`,
    );
  for (const key of ["width", "heads", "feedForward"] as const)
    if (sizes[key] > teacher[key])
      throw reject(`${key} ${sizes[key]} is above the teacher's ${teacher[key]}`);
  for (const side of ["encoderLayers", "decoderLayers"] as const)
    if ((request[side] ?? 0) > teacher.decoderLayers)
      throw reject(`${side} ${request[side] ?? 0} is above the teacher's ${teacher.decoderLayers} layers`);
  return sizes;
}

function checkEncoderDecoder(
  { maxSource, maxTarget }: TeacherShapeRequest,
  { attentionSoftcap, slidingWindow }: DecoderOnlyConfig,
): void {
  if (attentionSoftcap !== undefined)
    throw reject(
      `the teacher caps attention scores (attentionSoftcap ${attentionSoftcap}), which an encoder-decoder does not support`,
      ["--set distill.student.architecture=decoder-only"],
    );
  const longest = Math.max(maxSource, maxTarget);
  if (slidingWindow !== undefined && slidingWindow.window < longest)
    throw reject(
      `the teacher's layers have a sliding window of ${slidingWindow.window} tokens, which an encoder-decoder supports only for shorter texts; ` +
        `maxSource ${maxSource} or maxTarget ${maxTarget} is longer`,
      [`set maxSource and maxTarget to at most ${slidingWindow.window}`],
    );
}

/** Teacher layers that became the student's layers, counted from 0. */
export interface ChosenLayers {
  /** Empty for a decoder-only student. */
  readonly encoder: readonly number[];
  readonly decoder: readonly number[];
}

const placesOf = (layers: readonly number[], wanted: readonly number[]): number[] =>
  layers.flatMap((layer, place) => (wanted.includes(layer) ? [place] : []));

/**
 * Adds the options of the teacher's layers to a student's configuration: sliding windows of a decoder-only student, RoPE bases of single layers
 * of an encoder-decoder. Windows of an encoder-decoder's layers are at least as long as its sources and targets ({@link studentOfTeacher}), so
 * they have no effect and are left out.
 */
export function withLayerOptions(
  student: ModelConfig,
  { slidingWindow, ropeTheta }: DecoderOnlyConfig,
  { encoder, decoder }: ChosenLayers,
): ModelConfig {
  if (slidingWindow === undefined) return student;
  const { layers, ropeTheta: localTheta = ropeTheta } = slidingWindow;
  const [encoderLayers, decoderLayers] = [placesOf(encoder, layers), placesOf(decoder, layers)];
  if (student.architecture === "decoder-only")
    return decoderLayers.length === 0
      ? student
      : { ...student, slidingWindow: { ...slidingWindow, layers: decoderLayers } };
  if (localTheta === ropeTheta || encoderLayers.length + decoderLayers.length === 0) return student;
  return { ...student, localRope: { ropeTheta: localTheta, encoderLayers, decoderLayers } };
}

/** Settings that weights of the teacher depend on. */
const SHARED_KEYS = [
  "headDim",
  "headOrder",
  "activation",
  "bias",
  "qkNorm",
  "postNorm",
  "normEpsilon",
  "ropeTheta",
  "ropeInverseFrequencies",
  "logitSoftcap",
] as const satisfies readonly (keyof EncoderDecoderConfig & keyof DecoderOnlyConfig)[];

/** Values of absent settings. */
const ABSENT: Partial<Record<(typeof SHARED_KEYS)[number], unknown>> = {
  activation: "gelu",
  qkNorm: false,
  postNorm: false,
};

/** @throws SlmError CONFIG_INVALID with the first setting in which a student differs from the teacher that it is cut from */
export function checkSharedSettings(student: ModelConfig, teacher: DecoderOnlyConfig): void {
  for (const key of SHARED_KEYS) {
    const [own, theirs] = [student, teacher].map((config) =>
      JSON.stringify(config[key] ?? ABSENT[key] ?? null),
    );
    if (own !== theirs)
      throw reject(`${key} is ${own}, the teacher has ${theirs}`, ["write student: { shape: teacher, ... }"]);
  }
  if (teacher.tieWordEmbeddings === false && student.tieWordEmbeddings !== false)
    throw reject("tieWordEmbeddings is true, but the teacher has a separate output head");
}
