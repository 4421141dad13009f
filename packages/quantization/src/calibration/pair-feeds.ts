/**
 * Inputs of an exported model's graphs from pairs of token ids. The decoder reads the reference target (teacher forcing). Its output head
 * reads only the last position of a run, so targets are truncated at varying positions, which together cover all positions.
 */
import { cacheTensors, encoderOutputs, GRAPH_IO, type DeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { createHostTensor, type HostTensor, type Session } from "@slm/runtime";
import type { Feeds } from "./feeds.js";
import { imagesOf, requireImages, seeImages } from "./image-feeds.js";
import type { RunRows, TokenPair } from "./token-pairs.js";

/** A run with its images as tokens `[rows, tokens, width]`; none for a text model. */
export interface SeenRun {
  readonly rows: RunRows;
  readonly images: HostTensor | undefined;
}

/** Maximum batch size. */
const BATCH = 32;

/** The decoder's tokens for a row: BOS and the target, after the source in a decoder-only model. */
const decoderInputs = (
  { source, target }: TokenPair,
  { architecture, tokens }: Pick<DeviceModel, "architecture" | "tokens">,
): readonly number[] => [...(architecture === "decoder-only" ? source : []), tokens.bos, ...target];

/**
 * Groups pairs into runs and truncates their targets. Pairs that are too long for the model are left out.
 *
 * @throws SlmError DATA_INVALID if no pair is left, or if a pair lacks an image that the model needs, or has one that it cannot read
 */
export function planRuns(pairs: readonly TokenPair[], model: DeviceModel): readonly RunRows[] {
  const { maxTarget, vision } = model;
  const maxSource = model.maxSource - (vision?.tokens ?? 0);
  requireImages(pairs, model);
  const groups = new Map<string, TokenPair[]>();
  const runs: TokenPair[][] = [];
  pairs.forEach((pair, at) => {
    const { source, target } = pair;
    const row = { ...pair, target: target.slice(0, at % (target.length + 1)) };
    const { length } = decoderInputs(row, model);
    if (source.length === 0 || source.length > maxSource || length > maxTarget) return;
    const key = `${source.length} ${length}`;
    let group = groups.get(key);
    if (group === undefined || group.length === BATCH) {
      group = [];
      groups.set(key, group);
      runs.push(group);
    }
    group.push(row);
  });
  if (runs.length > 0) return runs;
  throw new SlmError(
    "DATA_INVALID",
    `quantize: calibration: none of ${pairs.length} rows fits into ${maxSource} source and ${maxTarget} target tokens`,
  );
}

const idsOf = (rows: readonly (readonly number[])[]): HostTensor =>
  createHostTensor("int32", [rows.length, rows[0]!.length], Int32Array.from(rows.flat()));

/** A run with its images as inputs of the vision graph. */
export async function seeRun(
  rows: RunRows,
  model: DeviceModel,
  vision: Session | undefined,
): Promise<SeenRun> {
  return { rows, images: await seeImages(imagesOf(rows), model, vision) };
}

/** Inputs of the encoder graph. */
export function encoderFeeds({ rows, images }: SeenRun): Feeds {
  const before = images?.shape[1] ?? 0;
  return {
    [GRAPH_IO.sourceIds]: idsOf(rows.map(({ source }) => source)),
    [GRAPH_IO.sourceLengths]: createHostTensor(
      "int32",
      [rows.length],
      Int32Array.from(rows, ({ source }) => before + source.length),
    ),
    ...(images === undefined ? {} : { [GRAPH_IO.imageTokens]: images }),
  };
}

/** Inputs of the decoder graph: an empty cache, the targets, and the encoder's outputs. */
function decoderFeeds({ rows }: SeenRun, model: DeviceModel, encoded: Feeds): Feeds {
  const targets = rows.map((row) => decoderInputs(row, model));
  const past = cacheTensors(model).map(({ past: name, heads, width }): [string, HostTensor] => [
    name,
    createHostTensor("float32", [targets.length, heads, targets[0]!.length, width]),
  ]);
  return {
    [GRAPH_IO.targetIds]: idsOf(targets),
    [GRAPH_IO.pastLength]: createHostTensor("int32", [1], Int32Array.of(0)),
    ...Object.fromEntries(past),
    ...encoded,
  };
}

/** Runs the encoder, if there is one, and returns the decoder's inputs. */
export async function encodedFeeds(
  run: SeenRun,
  model: DeviceModel,
  encoder: Session | undefined,
): Promise<Feeds> {
  if (encoder === undefined) return decoderFeeds(run, model, {});
  const { fetched } = await encoder.run({ feeds: encoderFeeds(run), fetch: encoderOutputs(model) });
  return decoderFeeds(run, model, fetched);
}
