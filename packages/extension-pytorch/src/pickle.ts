/**
 * Reads a pickle as data: a machine that supports only the instructions that a dictionary of tensors needs, and calls nothing. Names in a pickle
 * (`torch._utils._rebuild_tensor_v2`) are looked up in a table of the caller. Any other name is an error, whatever it would do in Python.
 *
 * Source: CPython 3.12, Lib/pickletools.py (instructions of protocols 2 to 4).
 */
import {
  PickleDict,
  PickleList,
  PickleMachine,
  PickleMark,
  type PickleInstruction,
  type PickleNames,
  type PickleValue,
} from "./pickle-machine.js";

/**
 * Returns the value of a pickle.
 *
 * @param where the file, for error messages
 * @throws SlmError DATA_INVALID for an unknown instruction or name, and for a pickle that is truncated or invalid
 */
export function readPickle(bytes: Uint8Array, names: PickleNames, where: string): PickleValue {
  const machine = new PickleMachine(bytes, names, where);
  while (machine.result === undefined) machine.step(INSTRUCTIONS);
  return machine.result;
}

const tuple =
  (size: number): PickleInstruction =>
  (machine) => {
    const values = Array.from({ length: size }, () => machine.pop());
    machine.push(values.reverse());
  };
const constant =
  (value: null | boolean): PickleInstruction =>
  (machine) => {
    machine.push(value);
  };

/** By the byte of the instruction. */
const INSTRUCTIONS: Readonly<Record<number, PickleInstruction | undefined>> = {
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
