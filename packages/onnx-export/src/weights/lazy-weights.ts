/** Weights that are computed on request and not kept, so that memory does not grow with the model. */
import type { Weights } from "@slm/model";
import type { HostTensor } from "@slm/runtime";

/** Weights with known names; every `get` computes the tensor again. */
export class LazyWeights implements Weights {
  readonly #names: ReadonlySet<string>;
  readonly #make: (name: string) => HostTensor;

  constructor(names: Iterable<string>, make: (name: string) => HostTensor) {
    this.#names = new Set(names);
    this.#make = make;
  }

  get size(): number {
    return this.#names.size;
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  get(name: string): HostTensor | undefined {
    return this.#names.has(name) ? this.#make(name) : undefined;
  }

  forEach(visit: (tensor: HostTensor, name: string, weights: Weights) => void): void {
    for (const name of this.#names) visit(this.#make(name), name, this);
  }

  keys(): MapIterator<string> {
    return this.#names.keys();
  }

  *values(): Generator<HostTensor, undefined> {
    for (const name of this.#names) yield this.#make(name);
    return undefined;
  }

  *entries(): Generator<[string, HostTensor], undefined> {
    for (const name of this.#names) yield [name, this.#make(name)];
    return undefined;
  }

  [Symbol.iterator](): Generator<[string, HostTensor], undefined> {
    return this.entries();
  }
}
