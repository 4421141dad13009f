/** ONNX Runtime's C interface, called through koffi. */
import { SlmError, REINSTALL } from "@slm/core";
import koffi from "koffi";
import { CHECKED, PLAIN } from "./functions.js";
import { KNOWN_VERSIONS, ortLibrary } from "./library.js";

/** An address in native memory. */
export type Pointer = bigint;

/** Arguments of a C function. Arrays are passed as pointers to their elements; `[null]` receives an output. */
export type CValue =
  | Pointer
  | number
  | string
  | null
  | Uint8Array
  | BigInt64Array
  | readonly (Pointer | string | number | null)[];

type CheckedName = keyof typeof CHECKED;
type PlainName = keyof typeof PLAIN;

interface NativeFunction {
  (...args: readonly CValue[]): unknown;
  readonly async: (...args: readonly [...CValue[], (error: unknown, result: unknown) => void]) => void;
}

/**
 * Version of the function table to request. An older library returns NULL.
 * Source: ORT_API_VERSION of the header that `functions.ts` is based on.
 */
const API_VERSION = 26;

/** The largest index in the table plus one. */
const TABLE_LENGTH = Math.max(...Object.values({ ...CHECKED, ...PLAIN }).map(({ at }) => at)) + 1;

/** Paths are UTF-16 on Windows (`ORTCHAR_T`). */
const PATH_TYPE = process.platform === "win32" ? "str16" : "str";

/**
 * koffi gives every call in another thread its own stack of 128 KiB. That is too small for the recursion of a vendor's compiler, which then ends the
 * process. 16 MiB is koffi's maximum; untouched pages take no memory.
 */
const STACKS = { sync_stack_size: 2 ** 24, async_stack_size: 2 ** 24, resident_async_pools: 1 };

/** koffi accepts settings only once per process, before the first library is loaded. */
function setStacks(): void {
  const { sync_stack_size: size } = koffi.config();
  if (size !== STACKS.sync_stack_size) koffi.config(STACKS);
}

/**
 * Keeps every loaded library alive. koffi unloads a library when its handle is garbage-collected, and a later call of its functions ends the process.
 */
const LOADED: ReturnType<typeof koffi.load>[] = [];

function loadLibrary(...request: Parameters<typeof koffi.load>): ReturnType<typeof koffi.load> {
  const library = koffi.load(...request);
  LOADED.push(library);
  return library;
}

/** A loaded library of ONNX Runtime. */
export class OrtApi {
  /** "1.30.0". */
  readonly version: string;
  readonly #functions = new Map<string, NativeFunction>();

  /**
   * @throws SlmError DEVICE_UNAVAILABLE if the library cannot be loaded, or if its version is not in {@link KNOWN_VERSIONS}: calling a function at
   * the wrong index would end the program.
   */
  constructor(path: string = ortLibrary()) {
    setStacks();
    const { version, table } = openTable(path);
    this.version = version;
    for (const [name, { at, signature }] of Object.entries({ ...CHECKED, ...PLAIN })) {
      // Without names, because koffi keeps the names of all types for the whole process.
      const type = signature
        .replace(/^status f/, "void *")
        .replace(/\bf\(/, "(")
        .replaceAll(/\bP\b/g, PATH_TYPE);
      this.#functions.set(name, koffi.decode(table[at], koffi.proto(type)) as NativeFunction);
    }
  }

  /** @throws Error with ONNX Runtime's message */
  call(name: CheckedName, ...args: readonly CValue[]): void {
    this.#check(this.#function(name)(...args));
  }

  /** Like {@link call}, but in another thread, so that this one is not blocked. */
  callInThread(name: CheckedName, ...args: readonly CValue[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#function(name).async(...args, (failure, status) => {
        const rejected = (error: unknown): void => {
          reject(error instanceof Error ? error : new Error(String(error)));
        };
        if (failure !== null && failure !== undefined) {
          rejected(failure);
          return;
        }
        try {
          this.#check(status);
          resolve();
        } catch (error) {
          rejected(error);
        }
      });
    });
  }

  /** Calls a function whose last parameter receives a pointer. */
  pointer(name: CheckedName, ...args: readonly CValue[]): Pointer {
    const out: (Pointer | null)[] = [null];
    this.call(name, ...args, out);
    return out[0] ?? 0n;
  }

  /** Calls a function whose last parameter receives a number. */
  number(name: CheckedName, ...args: readonly CValue[]): number {
    const out: number[] = [0];
    this.call(name, ...args, out);
    return Number(out[0]);
  }

  /** Calls a function whose last two parameters receive an array of pointers and its length. */
  list(name: CheckedName, ...args: readonly CValue[]): readonly Pointer[] {
    const first: (Pointer | null)[] = [null];
    const count = [0];
    this.call(name, ...args, first, count);
    return pointers(first[0], Number(count[0]));
  }

  /** Calls a function that returns its result. */
  plain(name: PlainName, ...args: readonly CValue[]): unknown {
    return this.#function(name)(...args);
  }

  /** Calls a function that returns a pointer, 0 for NULL. */
  plainPointer(name: PlainName, ...args: readonly CValue[]): Pointer {
    return (this.plain(name, ...args) as Pointer | null) ?? 0n;
  }

  /** Entries of an `OrtKeyValuePairs`. */
  keyValues(pairs: Pointer): Readonly<Record<string, string>> {
    const keys: (Pointer | null)[] = [null];
    const values: (Pointer | null)[] = [null];
    const count = [0];
    this.plain("GetKeyValuePairs", pairs, keys, values, count);
    const names = strings(keys[0], Number(count[0]));
    const texts = strings(values[0], Number(count[0]));
    return Object.fromEntries(names.map((name, at) => [name, texts[at]!]));
  }

  #function(name: string): NativeFunction {
    return this.#functions.get(name)!;
  }

  #check(status: unknown): void {
    if (status === null || status === undefined || status === 0n) return;
    const message = String(this.plain("GetErrorMessage", status as Pointer));
    this.plain("ReleaseStatus", status as Pointer);
    throw new Error(message);
  }
}

/** Loads a library that provides symbols for other libraries. @throws Error */
export function preloadLibrary(path: string): void {
  loadLibrary(path, { global: true });
}

/** Reads `count` pointers from an address. */
export function pointers(address: Pointer | null | undefined, count: number): readonly Pointer[] {
  if (address === null || address === undefined || count === 0) return [];
  return koffi.decode(address, koffi.array("void *", count)) as Pointer[];
}

/** Reads `count` texts from an address. */
function strings(address: Pointer | null | undefined, count: number): readonly string[] {
  if (address === null || address === undefined || count === 0) return [];
  return koffi.decode(address, koffi.array("str", count)) as string[];
}

/** Reads the zero-terminated text at an address. */
export function textAt(address: Pointer): string {
  return koffi.decode.string(address);
}

/** Native memory as an array over the same bytes. The memory must stay allocated as long as the array is used. */
export function memoryAt(address: Pointer, bytes: number): Uint8Array<ArrayBuffer> {
  return bytes === 0 ? new Uint8Array(0) : new Uint8Array(koffi.view(address, bytes));
}

function openTable(path: string): { readonly version: string; readonly table: readonly Pointer[] } {
  const failed = (why: string, cause?: unknown): SlmError =>
    new SlmError("DEVICE_UNAVAILABLE", `runtime-native: ${path}: ${why}`, {
      cause,
      suggestions: [REINSTALL],
    });
  let base: Pointer;
  try {
    base = (loadLibrary(path).func("void *OrtGetApiBase()") as () => Pointer)();
  } catch (cause) {
    throw failed(`cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
  // struct OrtApiBase: GetApi, GetVersionString.
  const [getApi, getVersion] = pointers(base, 2);
  const version = (koffi.decode(getVersion, koffi.proto("str ()")) as () => string)();
  if (!KNOWN_VERSIONS.includes(version))
    throw failed(`ONNX Runtime ${version}; this release calls ${KNOWN_VERSIONS.join(", ")}`);
  const api = (koffi.decode(getApi, koffi.proto("void *(uint32_t)")) as (version: number) => Pointer | null)(
    API_VERSION,
  );
  if (api === null) throw failed(`has no interface of version ${String(API_VERSION)}`);
  return { version, table: pointers(api, TABLE_LENGTH) };
}
