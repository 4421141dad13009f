/** The tensors of a running batch on the device, with one row per request. Rows join and leave; the batch grows and shrinks. */
import { GRAPH_IO, type DeviceModel } from "@slm/exported-model";
import { listTokens, WholeLogits } from "@slm/inference";
import {
  createHostTensor,
  type DeviceTensor,
  type HostTensor,
  type Runtime,
  type Session,
} from "@slm/runtime";
import {
  PADDING,
  ROWS,
  fresh,
  moveGraph,
  placeGraph,
  placed,
  stateTensors,
  type StateTensor,
} from "./row-graphs.js";

/** The source capacity is a multiple of this, so that similar lengths need no new batch [tokens]. */
const WIDTH_STEP = 32;

export interface BatchSize {
  /** Number of rows, active and free. */
  readonly rows: number;
  /** Capacity for the longest source [tokens]. */
  readonly width: number;
}

/** Capacity for a source of `tokens`, rounded up, but not beyond the model's limit. */
export function roomFor(tokens: number, maxSource: number): number {
  return Math.min(Math.ceil(Math.max(tokens, 1) / WIDTH_STEP) * WIDTH_STEP, Math.max(maxSource, tokens));
}

type DeviceTensors = Readonly<Record<string, DeviceTensor>>;

interface Held extends BatchSize {
  readonly tensors: DeviceTensors;
}

/** For a model with a lexical shortlist: tokens that the current rows may generate. */
interface Listed {
  readonly tensors: DeviceTensors;
  readonly logits: WholeLogits;
}

interface StateSessions {
  readonly place: Session | undefined;
  readonly move: Session;
  readonly listing: Session | undefined;
}

export class BatchState {
  readonly #runtime: Runtime;
  readonly #model: DeviceModel;
  readonly #specs: readonly StateTensor[];
  readonly #place: Session | undefined;
  readonly #move: Session;
  readonly #listing: Session | undefined;
  #held: Held | undefined;
  #listed: Listed | undefined;

  private constructor(
    runtime: Runtime,
    model: DeviceModel,
    specs: readonly StateTensor[],
    { place, move, listing }: StateSessions,
  ) {
    this.#runtime = runtime;
    this.#model = model;
    this.#specs = specs;
    this.#place = place;
    this.#move = move;
    this.#listing = listing;
  }

  /**
   * @param listing of a loaded model; the caller keeps ownership
   * @throws SlmError as the runtime's `load`.
   */
  static async open(runtime: Runtime, model: DeviceModel, listing?: Session): Promise<BatchState> {
    const specs = stateTensors(model, model.maxTarget);
    const load = (name: string, bytes: Uint8Array): Promise<Session> =>
      runtime.load({ kind: "bytes", bytes }, { name });
    const hasEncoder = specs.some(({ from }) => from === "encoder");
    const place = hasEncoder ? await load("serve/place", placeGraph(specs)) : undefined;
    const move = await load("serve/move", moveGraph(specs));
    return new BatchState(runtime, model, specs, { place, move, listing });
  }

  /** Every tensor of the batch. */
  get specs(): readonly StateTensor[] {
    return this.#specs;
  }

  get size(): BatchSize {
    return this.#held ?? { rows: 0, width: 0 };
  }

  /** Inputs of a decoder step besides tokens and positions. The shortlist is rebuilt after the rows have changed. */
  async feeds(): Promise<DeviceTensors> {
    const tensors = this.#tensors;
    const { [GRAPH_IO.lexicalBias]: bias, ...others } = tensors;
    if (this.#listing === undefined || bias === undefined) return tensors;
    if (this.#listed === undefined) {
      const listed = await listTokens(this.#listing, bias);
      const logits = new WholeLogits(this.#runtime, listed, this.#model.vocabularySize);
      this.#listed = { tensors: listed, logits };
    }
    return { ...others, ...this.#listed.tensors };
  }

  /** Logits of a step over the whole vocabulary, `[rows, vocab]`. See {@link WholeLogits.of}. */
  wholeLogits(logits: HostTensor, output: string): Promise<Float32Array> {
    const whole = this.#listed?.logits ?? new WholeLogits(this.#runtime, {}, this.#model.vocabularySize);
    return whole.of(logits, output);
  }

  get #tensors(): DeviceTensors {
    return this.#held?.tensors ?? {};
  }

  /** The caches that a decoder step reads, by the names of the outputs that it writes to them. */
  get present(): Readonly<Record<string, DeviceTensor>> {
    const pairs = this.#specs.flatMap(({ name, present }): [string, DeviceTensor][] =>
      present === undefined ? [] : [[present, this.#tensors[name]!]],
    );
    return Object.fromEntries(pairs);
  }

  /**
   * Resizes the batch. Row i of the new batch is the old row `kept[i]`; further rows are empty. The source capacity does not shrink
   * while rows are kept.
   */
  async resize(size: BatchSize, kept: readonly number[]): Promise<void> {
    await this.#forgetListed();
    const old = this.#held;
    const next =
      old === undefined || kept.length === 0
        ? await this.#allocate(size)
        : await this.#moveRows(old, size, kept);
    this.#held = next;
    if (old !== undefined) await this.#runtime.release(Object.values(old.tensors));
  }

  /** Writes the encoder's outputs into these rows of the batch. `width` is the number of source positions of the outputs. */
  async place(
    encoded: Readonly<Record<string, DeviceTensor | HostTensor>>,
    rows: readonly number[],
    width: number,
  ): Promise<void> {
    if (this.#place === undefined || this.#held === undefined) return;
    await this.#forgetListed();
    const names = this.#specs.filter(({ from }) => from === "encoder").map(({ name }) => name);
    const { tensors } = this.#held;
    const own = names.map((name) => [name, tensors[name]!] as const);
    await this.#place.run({
      feeds: {
        [ROWS]: indices([rows.length, 1], rows),
        [PADDING]: indices([1], [this.#held.width - width]),
        ...Object.fromEntries(own),
        ...Object.fromEntries(names.map((name) => [fresh(name), encoded[name]!])),
      },
      into: Object.fromEntries(own.map(([name, tensor]) => [placed(name), tensor])),
    });
  }

  async close(): Promise<void> {
    await this.#forgetListed();
    if (this.#held !== undefined) await this.#runtime.release(Object.values(this.#held.tensors));
    this.#held = undefined;
    await this.#place?.release();
    await this.#move.release();
  }

  async #forgetListed(): Promise<void> {
    const listed = this.#listed;
    this.#listed = undefined;
    if (listed !== undefined) await this.#runtime.release(Object.values(listed.tensors));
  }

  async #allocate({ rows, width }: BatchSize): Promise<Held> {
    const tensors: Record<string, DeviceTensor> = {};
    for (const { name, dtype, inner, empty = 0 } of this.#specs) {
      const shape = [rows, ...inner.map((size) => (size === "width" ? width : size))];
      const tensor = createHostTensor(dtype, shape);
      if (empty !== 0) (tensor.data as Float32Array).fill(empty);
      tensors[name] = await this.#runtime.upload(tensor);
    }
    return { rows, width, tensors };
  }

  async #moveRows(old: Held, { rows, width }: BatchSize, kept: readonly number[]): Promise<Held> {
    const from = Array.from({ length: rows }, (_, row) => kept[row] ?? kept[0]!);
    const padding = this.#place === undefined ? {} : { [PADDING]: indices([1], [width - old.width]) };
    const { kept: moved } = await this.#move.run({
      feeds: { [ROWS]: indices([rows], from), ...padding, ...old.tensors },
      keep: this.#specs.map(({ name }) => placed(name)),
    });
    const tensors = this.#specs.map(({ name }) => [name, moved[placed(name)]!] as const);
    return { rows, width, tensors: Object.fromEntries(tensors) };
  }
}

function indices(shape: readonly number[], values: readonly number[]): HostTensor {
  return createHostTensor("int64", shape, BigInt64Array.from(values, BigInt));
}
