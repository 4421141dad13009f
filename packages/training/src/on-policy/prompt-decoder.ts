/**
 * Decoding with a decoder-only model's current weights. Sources are read in one pass. Their common prefix, such as the examples of a prompt, is
 * read and stored once. Rows that have ended leave the batch, so the others get faster.
 */
import type { StepDecoder, TopTokens } from "@slm/generation";
import { SlmError } from "@slm/core";
import type { DecoderOnlyConfig } from "@slm/model";
import { createHostTensor, type DeviceTensor, type HostTensor } from "@slm/runtime";
import type { Engine, Program, ProgramDefinition } from "@slm/tensor";
import type { OnPolicyDecoderShape } from "./on-policy-programs.js";
import {
  cacheNames,
  keepRowsProgram,
  promptStepProgram,
  readProgram,
  rowCacheSpec,
  type RowCaches,
} from "./prompt-programs.js";
import { filled } from "../feeds/source-feeds.js";
import type { LiveModel } from "../contract/training-contract.js";

/** Caches by name. */
type Caches = Readonly<Record<string, DeviceTensor>>;

/** Fewer rows are not faster: a step then waits for the weights. */
const LEAST_ROWS = 8;
/** The number of shared positions is a multiple of this, so that sources with an accidental common prefix need no extra programs. */
const SHARED_STEP = 16;
/** Shortest program for reading [tokens]. */
const SHORTEST_READ = 8;

/** A decoder-only model with its current weights. */
export interface DecoderOnlyModel extends LiveModel {
  readonly config: DecoderOnlyConfig;
}

/** Length of the sources' common prefix, rounded down; every source has at least one more position. */
export function sharedPositions(sources: readonly Int32Array[]): number {
  const [first] = sources;
  if (first === undefined) return 0;
  const shared = sources.reduce((before, source) => {
    const most = Math.min(before, source.length - 1);
    const other = first.subarray(0, Math.max(0, most)).findIndex((id, at) => id !== source[at]);
    return other < 0 ? Math.max(0, most) : other;
  }, first.length - 1);
  return shared - (shared % SHARED_STEP);
}

/** Rounded up to a power of two, so that batches of similar length share programs. */
const readLength = (longest: number): number => 2 ** Math.ceil(Math.log2(Math.max(SHORTEST_READ, longest)));

export class PromptDecoder {
  readonly shape: OnPolicyDecoderShape;
  readonly config: DecoderOnlyConfig;
  readonly engine: Engine;
  readonly chunks: LiveModel["chunks"];
  weights: LiveModel["feeds"];
  private readonly initial: LiveModel["feeds"];
  private readonly programs = new Map<string, Program>();
  /** Caches by number of rows, reused by batches with the same capacity. */
  private readonly rowCaches = new Map<number, Caches>();
  private capacity = 0;
  private prefix: { readonly key: string; readonly caches: Caches } | undefined;

  constructor({ engine, config, feeds, chunks }: DecoderOnlyModel, shape: OnPolicyDecoderShape) {
    this.engine = engine;
    this.config = config;
    this.chunks = chunks;
    this.shape = shape;
    this.initial = feeds;
    this.weights = feeds;
  }

  start(sources: readonly Int32Array[], weights = this.initial): Promise<StepDecoder> {
    this.weights = weights;
    return this.startAfter(sources, 0);
  }

  /**
   * Like {@link start}, for weights that never change: reads the common prefix of all batches once.
   *
   * @param shared see {@link sharedPositions}
   */
  startFrozen(sources: readonly Int32Array[], shared: number): Promise<StepDecoder> {
    this.weights = this.initial;
    return this.startAfter(sources, shared);
  }

  private async startAfter(sources: readonly Int32Array[], shared: number): Promise<StepDecoder> {
    const { rows, source: limit, capacity } = this.shape;
    if (sources.length === 0 || sources.length > rows)
      throw new SlmError(
        "UNEXPECTED",
        `prompt decoder: expected 1 to ${rows} sources, got ${sources.length}`,
      );
    const own = filled(sources, rows).map((source) => source.subarray(shared));
    const read = Math.min(
      readLength(Math.max(...own.map(({ length }) => length))),
      Math.max(1, limit - shared),
    );
    const sizes: RowCaches = { rows, capacity: read + capacity - limit };
    const prefix = await this.readShared(sources[0]!.subarray(0, shared));
    const caches = await this.cachesOf(sizes);
    await this.read(own, read, { prefix, shared, caches });
    const lengths = Int32Array.from(own, ({ length }) => length);
    return new PromptStep(this, { sizes, shared, prefix, caches, lengths });
  }

  /** Caches of the shared positions, which are read again only when they change. */
  private async readShared(ids: Int32Array): Promise<Caches> {
    if (ids.length === 0) return {};
    const key = ids.join();
    if (this.prefix?.key === key) return this.prefix.caches;
    await this.engine.release(Object.values(this.prefix?.caches ?? {}));
    this.prefix = undefined;
    const caches = await this.upload({ rows: 1, capacity: ids.length });
    await this.read([ids], ids.length, { prefix: {}, shared: 0, caches });
    this.prefix = { key, caches };
    return caches;
  }

  private async read(
    sources: readonly Int32Array[],
    length: number,
    { prefix, shared, caches }: { readonly prefix: Caches; readonly shared: number; readonly caches: Caches },
  ): Promise<void> {
    const rows = sources.length;
    const ids = new Int32Array(rows * length).fill(this.config.tokens.pad);
    sources.forEach((source, row) => {
      ids.set(source, row * length);
    });
    const program = await this.program(
      readProgram(this.config, { rows, source: length, shared }, this.chunks),
    );
    await program.run({
      feeds: {
        ...this.weights,
        ...named("shared", prefix),
        ids: createHostTensor("int32", [rows, length], ids),
      },
      append: { at: new Array<number>(rows).fill(0), outputs: named("fresh", caches) },
    });
  }

  /** The program of a definition, compiled once. */
  async program(definition: ProgramDefinition): Promise<Program> {
    const known = this.programs.get(definition.name);
    if (known !== undefined) return known;
    const program = await this.engine.compile(definition);
    this.programs.set(definition.name, program);
    return program;
  }

  /** Caches with these sizes. Those with another capacity are released, because they need more memory than the weights. */
  async cachesOf(sizes: RowCaches): Promise<Caches> {
    if (sizes.capacity !== this.capacity) {
      await this.engine.release([...this.rowCaches.values()].flatMap((caches) => Object.values(caches)));
      this.rowCaches.clear();
      this.capacity = sizes.capacity;
    }
    const known = this.rowCaches.get(sizes.rows);
    if (known !== undefined) return known;
    const caches = await this.upload(sizes);
    this.rowCaches.set(sizes.rows, caches);
    return caches;
  }

  private async upload(sizes: RowCaches): Promise<Caches> {
    const { dtype, shape } = rowCacheSpec(this.config, sizes);
    const caches: Record<string, DeviceTensor> = {};
    for (const name of cacheNames(this.config))
      caches[name] = await this.engine.upload(createHostTensor(dtype, shape));
    return caches;
  }

  async close(): Promise<void> {
    const held = [...this.rowCaches.values(), this.prefix?.caches ?? {}];
    await this.engine.release(held.flatMap((caches) => Object.values(caches)));
    for (const program of this.programs.values()) await program.release();
  }
}

const named = (prefix: string, caches: Caches): Record<string, DeviceTensor> =>
  Object.fromEntries(Object.entries(caches).map(([name, tensor]) => [`${prefix}.${name}`, tensor]));

interface StepState {
  readonly sizes: RowCaches;
  readonly shared: number;
  readonly prefix: Caches;
  readonly caches: Caches;
  /** Number of positions of each row after the shared ones. */
  readonly lengths: Int32Array;
}

class PromptStep implements StepDecoder {
  readonly vocabularySize: number;
  private readonly owner: PromptDecoder;
  private state: StepState;

  constructor(owner: PromptDecoder, state: StepState) {
    this.owner = owner;
    this.vocabularySize = owner.config.vocabularySize;
    this.state = state;
  }

  get rows(): number {
    return this.state.sizes.rows;
  }

  async step(tokens: Int32Array): Promise<Float32Array> {
    const { logits } = await this.run(tokens, ["logits"]);
    return logits!.data as Float32Array;
  }

  async topStep(tokens: Int32Array): Promise<TopTokens> {
    const { top, topLogProbability } = await this.run(tokens, ["top", "topLogProbability"]);
    return { ids: top!.data as Int32Array, logProbabilities: topLogProbability!.data as Float32Array };
  }

  private async run(
    tokens: Int32Array,
    fetch: readonly string[],
  ): Promise<Readonly<Record<string, HostTensor>>> {
    const { sizes, shared, prefix, caches, lengths } = this.state;
    const { rows, capacity } = sizes;
    if (lengths.some((length) => length >= capacity))
      throw new SlmError("UNEXPECTED", `prompt decoder: more than ${shared + capacity} positions`);
    const { config, weights } = this.owner;
    const program = await this.owner.program(
      promptStepProgram(config, { ...sizes, shared }, this.owner.chunks),
    );
    const { fetched } = await program.run({
      feeds: {
        ...weights,
        ...named("shared", prefix),
        ...named("past", caches),
        ids: createHostTensor("int32", [rows, 1], tokens),
        lengths: createHostTensor("int32", [rows], lengths),
      },
      fetch,
      append: { at: [...lengths], outputs: named("fresh", caches) },
    });
    this.state = { ...this.state, lengths: lengths.map((length) => length + 1) };
    return fetched;
  }

  async permuteRows(rows: readonly number[]): Promise<void> {
    const { caches, lengths } = this.state;
    for (const tensor of Object.values(caches)) await this.owner.engine.permuteRows(tensor, rows);
    this.state = { ...this.state, lengths: Int32Array.from(rows, (row) => lengths[row]!) };
  }

  /** Halves the rows as long as the open ones fit, and fills up with copies of the first. */
  async keepRows(open: readonly number[]): Promise<readonly number[] | undefined> {
    const { sizes, caches, lengths } = this.state;
    let rows = sizes.rows;
    while (rows >= 2 * LEAST_ROWS && rows % 2 === 0 && open.length <= rows / 2) rows /= 2;
    if (rows === sizes.rows || open.length === 0) return undefined;
    const kept = filled(open, rows);
    const smaller: RowCaches = { ...sizes, rows };
    const into = await this.owner.cachesOf(smaller);
    const program = await this.owner.program(keepRowsProgram(this.owner.config, sizes, smaller));
    await program.run({
      feeds: { ...named("from", caches), kept: createHostTensor("int32", [rows], Int32Array.from(kept)) },
      into: named("to", into),
    });
    const moved = Int32Array.from(kept, (row) => lengths[row]!);
    this.state = { ...this.state, sizes: smaller, caches: into, lengths: moved };
    return kept;
  }
}
