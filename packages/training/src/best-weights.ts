/** The best weights on the dev split: kept in files while training, optionally averaged at the end. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeBytesAtomic } from "@slm/core";
import { matchWeights, type ModelConfig, type Weights } from "@slm/model";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { readSealedTensors, sealedTensors } from "./sealed-tensors.js";
import type { DevMetric } from "./training-contract.js";
import type { Measurement } from "./training-state.js";

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

  /** Whether a measurement is strictly better than another by the first metric in which they differ. */
  isBetter(metrics: Measurement["metrics"], than: Measurement["metrics"]): boolean {
    const deciding = this.ranking.find(({ name }) => metrics[name] !== than[name]);
    if (deciding === undefined) return false;
    const { name, higherIsBetter } = deciding;
    return !higherIsBetter ? metrics[name]! < than[name]! : metrics[name]! > than[name]!;
  }

  /**
   * Keeps the weights if they are among the best; true if they are the best. On ties the earlier is better. A step that was measured before,
   * by a run that was killed since, takes its own place.
   */
  async offer(measurement: Measurement, weights: () => Promise<Weights>): Promise<boolean> {
    const others = this.kept.filter(({ step }) => step !== measurement.step);
    const rank = others.findIndex(({ metrics }) => this.isBetter(measurement.metrics, metrics));
    const place = rank === -1 ? others.length : rank;
    if (place >= this.limit) return false;
    await writeBytesAtomic(join(this.directory, fileOf(measurement.step)), sealedTensors(await weights()));
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

  /** The mean of all kept weights, added up in float64. */
  async average(): Promise<Weights> {
    const sums = new Map<string, { shape: readonly number[]; sum: Float64Array }>();
    for (const measurement of this.kept) {
      for (const [name, { shape, data }] of await this.read(measurement)) {
        const { sum } = sums.get(name) ?? { sum: new Float64Array(data.length) };
        for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + Number(data[i]);
        sums.set(name, { shape, sum });
      }
    }
    const mean = ({ shape, sum }: { shape: readonly number[]; sum: Float64Array }): HostTensor =>
      createHostTensor(
        "float32",
        shape,
        Float32Array.from(sum, (value) => value / this.kept.length),
      );
    return new Map([...sums].map(([name, entry]) => [name, mean(entry)]));
  }
}
