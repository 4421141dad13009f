/** The best weights on the dev split: kept in files while training, optionally averaged at the end. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { DeferredTensor, OpenSafetensors } from "@slm/checkpoints";
import { matchWeights, parameterSpecs, type ModelConfig, type Weights } from "@slm/model";
import { createHostTensor, elementCount, type HostTensor } from "@slm/runtime";
import { openSealedTensors, readSealedTensors, writeSealedTensors } from "./sealed-tensors.js";
import type { DevMetric } from "../contract/training-contract.js";
import type { Measurement } from "./training-state.js";

/** Weights that are read when they are written. */
export type DeferredWeights = ReadonlyMap<string, DeferredTensor>;

const PREFIX = "best-";
const SUFFIX = ".safetensors";
const fileOf = (step: number): string => `${PREFIX}${step}${SUFFIX}`;

/** Removes the files of all measurements except those of `keep`. */
export async function removeBestWeights(directory: string, keep: ReadonlySet<number>): Promise<void> {
  const wanted = new Set(Array.from(keep, fileOf));
  for (const name of await readdir(directory)) {
    if (name.startsWith(PREFIX) && name.endsWith(SUFFIX) && !wanted.has(name))
      await rm(join(directory, name), { force: true });
  }
}

export class BestWeights {
  /** The best first. */
  private kept: readonly Measurement[];
  private readonly directory: string;
  private readonly config: ModelConfig;
  private readonly limit: number;
  private readonly ranking: DevMetric["ranking"];

  constructor(
    options: {
      readonly directory: string;
      readonly config: ModelConfig;
      readonly limit: number;
      readonly ranking: DevMetric["ranking"];
    },
    kept: readonly Measurement[],
  ) {
    this.directory = options.directory;
    this.config = options.config;
    this.limit = options.limit;
    this.ranking = options.ranking;
    this.kept = kept;
  }

  /** The best first. */
  get measurements(): readonly Measurement[] {
    return this.kept;
  }

  /** Whether a measurement is strictly better than another in the first metric in which they differ. */
  isBetter(metrics: Measurement["metrics"], than: Measurement["metrics"]): boolean {
    const deciding = this.ranking.find(({ name }) => metrics[name] !== than[name]);
    if (deciding === undefined) return false;
    const { name, higherIsBetter } = deciding;
    return !higherIsBetter ? metrics[name]! < than[name]! : metrics[name]! > than[name]!;
  }

  /**
   * Keeps the weights if they are among the best; returns true if they are the best. If a run that was killed has already measured the step,
   * replaces that measurement.
   *
   * @param tie the better one of equal measurements: the later one is decayed at the end of a run that stops early
   * @param store passes the weights to the writer one by one
   */
  async offer(
    measurement: Measurement,
    store: (write: (weights: DeferredWeights) => Promise<void>) => Promise<void>,
    tie: "earlier" | "later" = "earlier",
  ): Promise<boolean> {
    const others = this.kept.filter(({ step }) => step !== measurement.step);
    const rank = others.findIndex(({ metrics }) =>
      tie === "earlier"
        ? this.isBetter(measurement.metrics, metrics)
        : !this.isBetter(metrics, measurement.metrics),
    );
    const place = rank === -1 ? others.length : rank;
    if (place >= this.limit) return false;
    const file = join(this.directory, fileOf(measurement.step));
    await store((weights) => writeSealedTensors(file, weights));
    this.kept = others.toSpliced(place, 0, measurement).slice(0, this.limit);
    return place === 0;
  }

  /** Removes files of weights that are no longer among the best. Call it after saving the state that names the kept files. */
  async prune(): Promise<void> {
    await removeBestWeights(this.directory, new Set(this.kept.map(({ step }) => step)));
  }

  /** The weights of one measurement. */
  async read({ step }: Measurement): Promise<Weights> {
    const file = join(this.directory, fileOf(step));
    return matchWeights(this.config, (await readSealedTensors(file)).tensors, file);
  }

  /** The mean of all kept weights, added up in float64, parameter by parameter. */
  async average(): Promise<Weights> {
    const files: OpenSafetensors[] = [];
    try {
      for (const { step } of this.kept)
        files.push(await openSealedTensors(join(this.directory, fileOf(step))));
      const weights = new Map<string, HostTensor>();
      for (const { name, shape } of parameterSpecs(this.config))
        weights.set(name, await meanOf(files, name, shape));
      return weights;
    } finally {
      for (const file of files) await file.close();
    }
  }
}

async function meanOf(
  files: readonly OpenSafetensors[],
  name: string,
  shape: readonly number[],
): Promise<HostTensor> {
  const sum = new Float64Array(elementCount(shape));
  for (const file of files) {
    const { data } = await file.read(name);
    for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + Number(data[i]);
  }
  return createHostTensor(
    "float32",
    shape,
    Float32Array.from(sum, (value) => value / files.length),
  );
}
