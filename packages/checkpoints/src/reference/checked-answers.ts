/** Compares the answers of an imported encoder-decoder with those of its own library. */
import { decode, type GenerationSettings, type Strategy } from "@slm/generation";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { forward, forwardProgram, sourceIds, type CheckedModel } from "./checked-model.js";
import type { Expected, TokenRows } from "./library-outputs.js";
import { WholeTargetDecoder } from "./whole-target-decoder.js";
import { WindowCacheDecoder } from "./window-cache.js";

/** The references are answers of `generate(max_new_tokens=12)`. */
export const MAX_NEW_TOKENS = 12;
/** Beam search of the references. */
export const BEAMS: Strategy = { kind: "beam", beams: 4, lengthPenalty: 1, earlyStopping: false };

interface Answer {
  readonly expected: Expected;
  readonly settings: GenerationSettings;
  readonly strategy: Strategy;
  /** The library's tokens: the start token, the answer, padding. */
  readonly tokens: TokenRows;
}

/** Generates for every source and compares the tokens. */
export async function isSameAnswer(
  model: CheckedModel,
  { expected, settings, strategy, tokens }: Answer,
): Promise<boolean> {
  const { config } = model;
  const beams = strategy.kind === "beam" ? strategy.beams : 1;
  const repeat = (tensor: HostTensor): HostTensor => repeatRows(tensor, beams);
  const source = { source: repeat(expected.source), mask: repeat(expected.mask) };
  const decoder = await (model.cutsSources === true ? openCut(model, source) : openWhole(model, source));
  const { pad = config.tokens.pad, eos = config.tokens.eos, start = config.tokens.bos } = settings;
  const decoded = await decode(decoder, {
    bos: start,
    eos,
    pad,
    maxTokens: MAX_NEW_TOKENS,
    strategy,
    rules: settings.rules,
    source: (row) => idsOfRow(expected.source, row),
  });
  await decoder.close();
  const actual = decoded.map((row) => [start, ...row.tokens, ...(row.end === undefined ? [] : [row.end])]);
  return actual.length === tokens.length && actual.every((row, at) => isPadded(row, tokens[at]!, [pad, eos]));
}

/** Ids of a row as the library reads them, including padding. */
function idsOfRow({ shape, data }: HostTensor, row: number): readonly number[] {
  const length = shape[1]!;
  return Array.from(data as ArrayLike<number | bigint>, Number).slice(row * length, (row + 1) * length);
}

type RepeatedSource = Pick<Expected, "source" | "mask">;

/** A decoder that runs the whole target in every step. */
async function openWhole(model: CheckedModel, source: RepeatedSource): Promise<WholeTargetDecoder> {
  const [rows, length] = source.source.shape as [number, number];
  const shape = [rows, 1 + MAX_NEW_TOKENS];
  const program = await forwardProgram(model, [rows, length], shape);
  const run = async (target: HostTensor): Promise<Float32Array> => {
    const { logits } = await forward(program, model, { ...source, target });
    return logits.data as Float32Array;
  };
  return new WholeTargetDecoder(shape, model.config.vocabularySize, run, () => program.release());
}

const openCut = (
  { config, weights, engine }: CheckedModel,
  { source, mask }: RepeatedSource,
): Promise<WindowCacheDecoder> =>
  WindowCacheDecoder.open({
    config,
    weights,
    engine,
    source: sourceIds(config, source),
    mask,
    capacity: 1 + MAX_NEW_TOKENS,
  });

/** Whether a row equals `expected`, followed by the library's fill: padding, or EOS after beams of a model with padding id 0. */
const isPadded = (row: readonly number[], expected: readonly number[], fillers: readonly number[]): boolean =>
  row.length <= expected.length &&
  expected.every((id, at) => (at < row.length ? id === row[at] : fillers.includes(id)));

/** Repeats every row of a matrix, copies next to each other. */
function repeatRows({ dtype, shape, data }: HostTensor, times: number): HostTensor {
  const [rowCount, length] = shape as [number, number];
  const values = Array.from(data as ArrayLike<number | bigint>, Number);
  const repeated = Array.from({ length: rowCount * times * length }, (_, at) => {
    const row = Math.floor(at / (length * times));
    return values[row * length + (at % length)]!;
  });
  return dtype === "float32"
    ? createHostTensor("float32", [rowCount * times, length], Float32Array.from(repeated))
    : createHostTensor("int32", [rowCount * times, length], Int32Array.from(repeated));
}
