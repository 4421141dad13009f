/** The weights of a run for other programs: with merged adapters, as moving average if there is one, and as `publish` changes them. */
import type { DeferredTensor } from "@slm/checkpoints";
import { loraScale, parameterSpecs, withMergedLora, type Parameters, type Weights } from "@slm/model";
import type { DeviceTensor, HostTensor } from "@slm/runtime";
import type { Program } from "@slm/tensor";
import type { DeferredWeights } from "./best-weights.js";
import {
  packTensors,
  packWeights,
  unpackParameters,
  unpackTensor,
  valueInput,
  valueSpecs,
  type Chunk,
} from "../parameters/parameter-layout.js";
import type { ChunkPlan } from "../program/state-layout.js";
import type { DevMetric, LiveModel, TrainRequest } from "../contract/training-contract.js";
import { weightFeeds, type DeviceState } from "./training-state.js";

type Feeds = Readonly<Record<string, DeviceTensor>>;

/** The part of a training request that the current weights need. */
type LiveRequest = Pick<TrainRequest, "engine" | "config" | "settings" | "stage" | "publish">;

export class LiveWeights {
  private readonly request: LiveRequest;
  private readonly plan: ChunkPlan;
  private readonly state: DeviceState;
  private merging: Program | undefined;
  private publishing: Program | undefined;
  /** Merged weights of the last call of `current`. */
  private merged: Feeds = {};

  constructor(request: LiveRequest, plan: ChunkPlan, state: DeviceState) {
    this.request = request;
    this.plan = plan;
    this.state = state;
  }

  /** The current model, for preparing the next step's inputs; valid until the next call. */
  async current(): Promise<LiveModel> {
    if (this.request.settings.lora === undefined)
      return this.modelOf(weightFeeds(this.plan.model, this.state, "value"));
    await this.release(this.merged);
    this.merged = await this.merge("value");
    return this.modelOf(this.merged);
  }

  /** Measures the moving average if there is one, otherwise the current weights; or given weights from the host. */
  async measure(dev: DevMetric, weights?: Weights): Promise<Readonly<Record<string, number>>> {
    return this.borrow(weights, (feeds) => dev.measure(this.modelOf(feeds)));
  }

  /**
   * Passes on the weights that `measure` measures, in the model's order. Large ones are copied to the host when they are read.
   *
   * @param write must have read what it needs when it resolves
   */
  async store(write: (weights: DeferredWeights) => Promise<void>): Promise<void> {
    const { engine, config } = this.request;
    await this.borrow(undefined, (feeds) => {
      // Chunks with many parameters are small. The whole chunk is read again for each of its parameters.
      const packed = new Map<Chunk, Promise<HostTensor>>();
      const valuesOf = (chunk: Chunk): Promise<HostTensor> => {
        const copy = (): Promise<HostTensor> => engine.download(feeds[valueInput(chunk)]!);
        if (chunk.specs.length === 1) return copy();
        const known = packed.get(chunk) ?? copy();
        packed.set(chunk, known);
        return known;
      };
      const found = new Map(
        this.plan.model.flatMap((chunk) =>
          chunk.specs.map(({ name, shape }): [string, DeferredTensor] => {
            const read = async (): Promise<HostTensor> => unpackTensor(chunk, await valuesOf(chunk), name);
            return [name, { dtype: "float32", shape, read }];
          }),
        ),
      );
      return write(new Map(parameterSpecs(config).map(({ name }) => [name, found.get(name)!])));
    });
  }

  async close(): Promise<void> {
    await this.release(this.merged);
    await this.merging?.release();
    await this.publishing?.release();
  }

  private modelOf(feeds: Feeds): LiveModel {
    const { engine, config } = this.request;
    return { engine, config, feeds, chunks: this.plan.model };
  }

  /** Passes the weights to a measurement and releases temporary tensors afterwards. */
  private async borrow<T>(weights: Weights | undefined, use: (feeds: Feeds) => Promise<T>): Promise<T> {
    const part = this.request.settings.emaDecay > 0 ? "average" : "value";
    const { settings, publish } = this.request;
    if (weights === undefined && settings.lora === undefined && publish === undefined)
      return use(weightFeeds(this.plan.model, this.state, part));
    const feeds = weights === undefined ? await this.published(part) : await this.upload(weights);
    try {
      return await use(feeds);
    } finally {
      await this.release(feeds);
    }
  }

  private async upload(weights: Weights): Promise<Feeds> {
    const feeds: Record<string, DeviceTensor> = {};
    for (const chunk of this.plan.model)
      feeds[valueInput(chunk)] = await this.request.engine.upload(packWeights(chunk, weights));
    return feeds;
  }

  /** Merged weights as `publish` changes them. */
  private async published(part: "value" | "average"): Promise<Feeds> {
    const { settings, publish } = this.request;
    const isMerged = settings.lora !== undefined;
    const merged = isMerged ? await this.merge(part) : weightFeeds(this.plan.model, this.state, part);
    if (publish === undefined) return merged;
    try {
      const { model, trained } = this.plan;
      this.publishing ??= await this.compileChange("publish", [...model, ...trained], publish);
      return await this.changed(this.publishing, {
        ...weightFeeds(trained, this.state, part),
        ...merged,
      });
    } finally {
      if (isMerged) await this.release(merged);
    }
  }

  private async merge(part: "value" | "average"): Promise<Feeds> {
    const { model, trained } = this.plan;
    const { lora } = this.request.settings;
    this.merging ??= await this.compileChange("merge adapters", [...model, ...trained], (all) =>
      withMergedLora(all, all, loraScale(lora!)),
    );
    const feeds = { ...weightFeeds(model, this.state, part), ...weightFeeds(trained, this.state, part) };
    return this.changed(this.merging, feeds);
  }

  /** Runs a program of `compileChange`. */
  private async changed(program: Program, feeds: Feeds): Promise<Feeds> {
    const { model } = this.plan;
    const { kept } = await program.run({ feeds, keep: model.map(({ name }) => `changed.${name}`) });
    return Object.fromEntries(model.map((chunk) => [valueInput(chunk), kept[`changed.${chunk.name}`]!]));
  }

  /** A program that computes the model's weights from the weights in `chunks`. */
  private compileChange(
    what: string,
    chunks: readonly Chunk[],
    change: (parameters: Parameters) => Parameters,
  ): Promise<Program> {
    const { engine, stage } = this.request;
    return engine.compile({
      name: `${stage} ${what}`,
      forwardOnly: true,
      inputs: valueSpecs(chunks),
      build: (x) => {
        const changed = change(unpackParameters(chunks, x));
        return Object.fromEntries(
          this.plan.model.map((chunk) => [`changed.${chunk.name}`, packTensors(chunk, changed)]),
        );
      },
    });
  }

  private async release(feeds: Feeds): Promise<void> {
    await this.request.engine.release(Object.values(feeds));
  }
}
