/** The stack, the memo and the values of a pickle. `readPickle` has the instructions. */
import { SlmError } from "@slm/core";

export type PickleValue =
  | null
  | boolean
  | number
  | string
  | PickleObject
  | PickleGlobal
  | PickleMark
  | readonly PickleValue[]
  | PickleList
  | PickleDict;

/** The value of a reducer or a persistent id; only the caller knows its type. */
interface PickleObject {
  readonly kind: string;
}

/** A name in a module. */
class PickleGlobal {
  readonly kind = "global";
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

export class PickleMark {
  readonly kind = "mark";
}

export class PickleList {
  readonly kind = "list";
  readonly items: PickleValue[] = [];
}

/** A dictionary with text keys, in the order of the file. */
export class PickleDict {
  readonly kind = "dict";
  readonly entries = new Map<string, PickleValue>();
}

/** Meanings of the names in a pickle. */
export interface PickleNames {
  /** By "module.name": a value that is passed on, such as the type of a storage. */
  readonly values: Readonly<Record<string, PickleValue>>;
  /** By "module.name": the result of a call. Undefined: the arguments do not fit the function. */
  readonly calls: Readonly<Record<string, (given: readonly PickleValue[]) => PickleValue | undefined>>;
  /** The value of a persistent id, such as a storage. Undefined: the id is not valid. */
  readonly persistent: (id: PickleValue) => PickleValue | undefined;
}

/** More values than any dictionary of tensors has; limits memory. */
const MAX_STACK = 4_000_000;
const MAX_MEMO = 16_000_000;

/** What a byte of a pickle does. */
export type PickleInstruction = (machine: PickleMachine) => void;

/** Reads the bytes of a pickle, and keeps what its instructions change. Every method throws DATA_INVALID for a broken pickle. */
export class PickleMachine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #names: PickleNames;
  readonly #where: string;
  readonly #stack: PickleValue[] = [];
  readonly #memo = new Map<number, PickleValue>();
  #at = 0;
  #result: PickleValue | undefined;

  constructor(bytes: Uint8Array, names: PickleNames, where: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#names = names;
    this.#where = where;
  }

  /** Undefined before the instruction STOP. */
  get result(): PickleValue | undefined {
    return this.#result;
  }

  /** Executes one instruction of the table. @throws SlmError DATA_INVALID as the instruction does, and if the table does not have it */
  step(instructions: Readonly<Record<number, PickleInstruction | undefined>>): void {
    const code = this.#byte();
    const act = instructions[code];
    if (act === undefined)
      throw this.fail(`instruction 0x${code.toString(16)} at byte ${this.#at - 1} is not supported`);
    act(this);
    if (this.#stack.length > MAX_STACK) throw this.fail(`more than ${MAX_STACK} values`);
  }

  fail(problem: string): SlmError {
    return new SlmError("DATA_INVALID", `${this.#where}: not a dictionary of tensors: ${problem}`, {
      context: { file: this.#where },
      suggestions: [CONVERT],
    });
  }

  #take(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) throw this.fail("the pickle ends early");
    this.#at = at + count;
    return at;
  }

  #byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  uint(size: 1 | 2 | 4): number {
    const at = this.#take(size);
    if (size === 1) return this.#bytes[at]!;
    return size === 2 ? this.#view.getUint16(at, true) : this.#view.getUint32(at, true);
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  float(): number {
    return this.#view.getFloat64(this.#take(8), false);
  }

  /** An integer of any length, two's complement. @throws SlmError if a number cannot represent it exactly */
  long(size: number): number {
    const at = this.#take(size);
    let value = 0n;
    for (let index = size - 1; index >= 0; index--) value = (value << 8n) | BigInt(this.#bytes[at + index]!);
    const signed = BigInt.asIntN(8 * size, value);
    const number = Number(signed);
    if (!Number.isSafeInteger(number)) throw this.fail(`${String(signed)} is not a size`);
    return number;
  }

  text(size: number): string {
    const at = this.#take(size);
    return new TextDecoder().decode(this.#bytes.subarray(at, at + size));
  }

  line(): string {
    const end = this.#bytes.indexOf(10, this.#at);
    if (end === -1) throw this.fail("a name without an end");
    const text = this.text(end - this.#at);
    this.#at = end + 1;
    return text;
  }

  push(value: PickleValue): void {
    this.#stack.push(value);
  }

  pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined) throw this.fail("a value is missing");
    return value;
  }

  top(): PickleValue {
    const value = this.#stack.at(-1);
    if (value === undefined) throw this.fail("a value is missing");
    return value;
  }

  /** The values above the last mark, which is removed. */
  popToMark(): readonly PickleValue[] {
    const at = this.#stack.findLastIndex((value) => value instanceof PickleMark);
    if (at === -1) throw this.fail("a mark is missing");
    const values = this.#stack.splice(at);
    return values.slice(1);
  }

  remember(index: number): void {
    if (this.#memo.size >= MAX_MEMO) throw this.fail(`more than ${MAX_MEMO} memo entries`);
    this.#memo.set(index, this.top());
  }

  get remembered(): number {
    return this.#memo.size;
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.fail(`there is no memo entry ${index}`);
    this.push(value);
  }

  named(name: string): void {
    const { values, calls } = this.#names;
    if (Object.hasOwn(values, name)) this.push(values[name]!);
    else if (Object.hasOwn(calls, name)) this.push(new PickleGlobal(name));
    else throw this.fail(`it names ${name}, which is not supported`);
  }

  persistent(id: PickleValue): void {
    const value = this.#names.persistent(id);
    if (value === undefined) throw this.fail("a persistent id is not a storage");
    this.push(value);
  }

  call(): void {
    const given = this.pop();
    const callee = this.pop();
    if (!(callee instanceof PickleGlobal) || !isTuple(given))
      throw this.fail("a call of a value that is not a function");
    const value = this.#names.calls[callee.name]!(given);
    if (value === undefined) throw this.fail(`wrong arguments of ${callee.name}`);
    this.push(value);
  }

  /** The state of a dictionary (versions of modules) is ignored; other values do not have a state. */
  build(): void {
    this.pop();
    if (!(this.top() instanceof PickleDict)) throw this.fail("a state of a value that is not a dictionary");
  }

  setItems(items: readonly PickleValue[]): void {
    const target = this.top();
    if (!(target instanceof PickleDict) || items.length % 2 !== 0)
      throw this.fail("items of a value that is not a dictionary");
    for (let index = 0; index < items.length; index += 2) {
      const key = items[index];
      if (typeof key !== "string") throw this.fail("a key that is not a text");
      target.entries.set(key, items[index + 1]!);
    }
  }

  append(items: readonly PickleValue[]): void {
    const target = this.top();
    if (!(target instanceof PickleList)) throw this.fail("items of a value that is not a list");
    for (const item of items) target.items.push(item);
  }

  stop(): void {
    this.#result = this.pop();
  }
}

/** Tuples are arrays, and no other values are. */
export const isTuple = (value: PickleValue | undefined): value is readonly PickleValue[] =>
  Array.isArray(value);

export const CONVERT =
  "python -c \"import torch, safetensors.torch as s; s.save_file({k: v.contiguous().clone() for k, v in torch.load('pytorch_model.bin', map_location='cpu', weights_only=True).items()}, 'model.safetensors')\"";
