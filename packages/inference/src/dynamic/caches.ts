/** Self-attention caches on the device. They are reused between calls, because allocating them costs as much as a decoder step. */
import { cacheTensors, type DeviceModel } from "@slm/exported-model";
import { type DeviceTensor, type Runtime, createHostTensor } from "@slm/runtime";

/** Caches of one batch: the inputs of a decoder step and the tensors of its outputs, which are the same. */
export interface CacheSet {
  readonly rows: number;
  readonly capacity: number;
  /** Whether the decoder returns the full present caches or a delta. */
  readonly form: DeviceModel["caches"];
  readonly past: Readonly<Record<string, DeviceTensor>>;
  readonly present: Readonly<Record<string, DeviceTensor>>;
  readonly tensors: readonly DeviceTensor[];
}

type CacheSize = Pick<CacheSet, "rows" | "capacity">;

/** Number of idle sets kept. A list of sources needs two: one for full batches and one for the last batch. */
const KEPT_SETS = 2;

/** Capacities are multiples of this, so that results of similar lengths share a set [tokens]. */
const CAPACITY_STEP = 32;

/** Capacity for `tokens` positions: rounded up, but never beyond the model's own. */
export function cacheCapacity(tokens: number, maxTarget: number): number {
  return Math.min(Math.ceil(tokens / CAPACITY_STEP) * CAPACITY_STEP, maxTarget);
}

/** A pool of cache sets. A set is not cleared between uses, because the decoder reads only positions it has written. */
export class CachePool {
  readonly #runtime: Runtime;
  readonly #model: DeviceModel;
  /** Least recently used first. */
  #idle: CacheSet[] = [];

  constructor(runtime: Runtime, model: DeviceModel) {
    this.#runtime = runtime;
    this.#model = model;
  }

  /** A set for exclusive use until it is returned. */
  async take({ rows, capacity }: CacheSize): Promise<CacheSet> {
    const found = this.#idle.find((set) => set.rows === rows && set.capacity === capacity);
    if (found === undefined) return this.#allocate({ rows, capacity });
    this.#idle = this.#idle.filter((set) => set !== found);
    return found;
  }

  async giveBack(set: CacheSet): Promise<void> {
    this.#idle.push(set);
    if (this.#idle.length > KEPT_SETS) await this.#runtime.release(this.#idle.shift()!.tensors);
  }

  /** Releases the idle sets. */
  async clear(): Promise<void> {
    const tensors = this.#idle.flatMap((set) => set.tensors);
    this.#idle = [];
    await this.#runtime.release(tensors);
  }

  async #allocate({ rows, capacity }: CacheSize): Promise<CacheSet> {
    const { caches: form, precision = "float32" } = this.#model;
    const past: Record<string, DeviceTensor> = {};
    const present: Record<string, DeviceTensor> = {};
    for (const { past: read, present: written, heads, width } of cacheTensors(this.#model)) {
      const zeros = createHostTensor(precision, [rows, heads, capacity, width]);
      past[read] = present[written] = await this.#runtime.upload(zeros);
    }
    return { rows, capacity, form, past, present, tensors: Object.values(past) };
  }
}
