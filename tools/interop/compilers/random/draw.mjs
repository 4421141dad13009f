/** Random choices for the graphs of random.mjs, from one stream of numbers. */
import { createRandom } from "@slm/generation";

/**
 * A random use of an operator. Its first computed input has the given shape.
 *
 * @typedef {import("../probe-table/inputs.mjs").Use} Use
 * @typedef {(draw: Draw, shape: number[], opset: number) => Use} Random
 *
 * An operator: the first opset in which `use` is valid (default 13), a shape to begin with (default: any), and the shapes of earlier values that fit.
 *
 * @typedef {{ since?: number, shape?: (draw: Draw) => number[], fits?: (shape: number[]) => boolean, use: Random }} RandomRow
 */

export class Draw {
  constructor(/** @type {number} */ seed) {
    this.next = createRandom(seed).next;
  }

  /** An integer from `low` to `high`, both included. */
  int(/** @type {number} */ low, /** @type {number} */ high) {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(/** @type {number} */ probability) {
    return this.next() < probability;
  }

  /** @template T @param {readonly T[]} list @returns {T} */
  pick(list) {
    const picked = list[this.int(0, list.length - 1)];
    if (picked === undefined) throw new Error("nothing to pick from");
    return picked;
  }

  /** @template T @param {number} count @param {(index: number) => T} make */
  list(count, make) {
    return Array.from({ length: count }, (_, index) => make(index));
  }

  /** Up to 6 axes of up to 6 elements, usually 1 to 4. */
  shape() {
    return this.list(this.pick([0, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 6]), () => this.int(1, 6));
  }

  /** Batch, channels and sizes of 1 to 3 axes. */
  image() {
    const sizes = this.list(this.pick([1, 2, 2, 2, 2, 3]), () => this.int(4, 12));
    return [this.pick([1, 1, 2]), this.pick([1, 2, 3, 4, 6, 8]), ...sizes];
  }

  /** Numbers from 0 to `count` - 1 in random order. */
  order(/** @type {number} */ count) {
    const list = this.list(count, (index) => index);
    for (let at = count - 1; at > 0; at--) {
      const other = this.int(0, at);
      [list[at], list[other]] = [list[other] ?? 0, list[at] ?? 0];
    }
    return list;
  }

  /** An axis, sometimes counted from the end. */
  axis(/** @type {number} */ rank) {
    return this.signed(this.int(0, rank - 1), rank);
  }

  /** The same axis, sometimes counted from the end. */
  signed(/** @type {number} */ axis, /** @type {number} */ rank) {
    return this.chance(0.25) ? axis - rank : axis;
  }

  /** Some of the axes, ascending. */
  axes(/** @type {number} */ rank, /** @type {number} */ least = 1) {
    const count = this.int(Math.min(least, rank), rank);
    return this.order(rank)
      .slice(0, count)
      .sort((a, b) => a - b);
  }

  /** A shape that broadcasts with another, and does not enlarge it unless `enlarges`. */
  broadcast(/** @type {readonly number[]} */ shape, enlarges = false) {
    if (enlarges && this.chance(0.1)) return [this.int(1, 3), ...shape];
    if (this.chance(0.4)) return [...shape];
    const kept = shape.slice(this.int(0, shape.length));
    return kept.map((size) => (this.chance(0.3) ? 1 : size));
  }

  /** Some of the attributes, each with a probability of one half; the others keep their defaults. */
  some(/** @type {import("../probe-table/inputs.mjs").Attributes} */ attributes) {
    return Object.fromEntries(Object.entries(attributes).filter(() => this.chance(0.5)));
  }
}

export const axisOf = (/** @type {number} */ axis, /** @type {number} */ rank) =>
  axis < 0 ? axis + rank : axis;
export const atLeast = (/** @type {number} */ rank) => (/** @type {readonly number[]} */ shape) =>
  shape.length >= rank;
export const isImage = (/** @type {readonly number[]} */ shape) =>
  shape.length >= 3 && shape.length <= 5 && shape.slice(2).every((size) => size >= 3);
