/**
 * Reads a pickle as data: a machine that supports only the instructions that a dictionary of tensors needs, and calls nothing. Names in a pickle
 * (`torch._utils._rebuild_tensor_v2`) are looked up in a table of the caller. Any other name is an error, whatever it would do in Python.
 *
 * Source: CPython 3.12, Lib/pickletools.py (instructions of protocols 2 to 4).
 */
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

class PickleMark {
  readonly kind = "mark";
}

class PickleList {
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

/**
 * Returns the value of a pickle.
 *
 * @param where the file, for error messages
 * @throws SlmError DATA_INVALID for an unknown instruction or name, and for a pickle that is truncated or invalid
 */
export function readPickle(bytes: Uint8Array, names: PickleNames, where: string): PickleValue {
  return new Machine(bytes, names, where).run();
}

class Machine {
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

  run(): PickleValue {
    while (this.#result === undefined) {
      const code = this.#byte();
      const act = INSTRUCTIONS[code];
      if (act === undefined)
        throw this.fail(`instruction 0x${code.toString(16)} at byte ${this.#at - 1} is not supported`);
      act(this);
      if (this.#stack.length > MAX_STACK) throw this.fail(`more than ${MAX_STACK} values`);
    }
    return this.#result;
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

type Instruction = (machine: Machine) => void;

const tuple =
  (size: number): Instruction =>
  (machine) => {
    const values = Array.from({ length: size }, () => machine.pop());
    machine.push(values.reverse());
  };
const constant =
  (value: null | boolean): Instruction =>
  (machine) => {
    machine.push(value);
  };

/** By the byte of the instruction. */
const INSTRUCTIONS: Readonly<Record<number, Instruction | undefined>> = {
  // PROTO, FRAME: their arguments have no effect.
  0x80: (m) => void m.uint(1),
  0x95: (m) => {
    m.uint(4);
    m.uint(4);
  },
  0x2e: (m) => {
    m.stop();
  },
  // NONE, NEWTRUE, NEWFALSE
  0x4e: constant(null),
  0x88: constant(true),
  0x89: constant(false),
  // BININT, BININT1, BININT2, LONG1, BINFLOAT
  0x4a: (m) => {
    m.push(m.int32());
  },
  0x4b: (m) => {
    m.push(m.uint(1));
  },
  0x4d: (m) => {
    m.push(m.uint(2));
  },
  0x8a: (m) => {
    m.push(m.long(m.uint(1)));
  },
  0x47: (m) => {
    m.push(m.float());
  },
  // BINUNICODE, SHORT_BINUNICODE
  0x58: (m) => {
    m.push(m.text(m.uint(4)));
  },
  0x8c: (m) => {
    m.push(m.text(m.uint(1)));
  },
  // EMPTY_DICT, EMPTY_LIST, EMPTY_TUPLE, TUPLE1 to TUPLE3, TUPLE
  0x7d: (m) => {
    m.push(new PickleDict());
  },
  0x5d: (m) => {
    m.push(new PickleList());
  },
  0x29: tuple(0),
  0x85: tuple(1),
  0x86: tuple(2),
  0x87: tuple(3),
  0x74: (m) => {
    m.push(m.popToMark());
  },
  // MARK, SETITEM, SETITEMS, APPEND, APPENDS
  0x28: (m) => {
    m.push(new PickleMark());
  },
  0x73: (m) => {
    const value = m.pop();
    m.setItems([m.pop(), value]);
  },
  0x75: (m) => {
    m.setItems(m.popToMark());
  },
  0x61: (m) => {
    m.append([m.pop()]);
  },
  0x65: (m) => {
    m.append(m.popToMark());
  },
  // BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET
  0x71: (m) => {
    m.remember(m.uint(1));
  },
  0x72: (m) => {
    m.remember(m.uint(4));
  },
  0x94: (m) => {
    m.remember(m.remembered);
  },
  0x68: (m) => {
    m.recall(m.uint(1));
  },
  0x6a: (m) => {
    m.recall(m.uint(4));
  },
  // GLOBAL, STACK_GLOBAL, BINPERSID, REDUCE, BUILD
  0x63: (m) => {
    const module = m.line();
    m.named(`${module}.${m.line()}`);
  },
  0x93: (m) => {
    const name = m.pop();
    const module = m.pop();
    if (typeof name !== "string" || typeof module !== "string") throw m.fail("a name that is not a text");
    m.named(`${module}.${name}`);
  },
  0x51: (m) => {
    m.persistent(m.pop());
  },
  0x52: (m) => {
    m.call();
  },
  0x62: (m) => {
    m.build();
  },
};
