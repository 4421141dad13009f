/** Typed look-ups in a file's metadata. Keys of the family's section are passed without its prefix. */
import type { GgufFile } from "../file/gguf-file.js";
import { invalid } from "../file/invalid.js";
import type { MetadataValue } from "../file/metadata.js";

/** Largest size of a model dimension. */
const MAX_SIZE = 2 ** 24;

export class Settings {
  readonly #source: GgufFile;
  readonly #section: string;

  constructor(source: GgufFile, section: string) {
    this.#source = source;
    this.#section = section;
  }

  /** A positive integer. A list is accepted if all its items are equal. */
  size(key: string): number {
    return this.optionalSize(key) ?? this.#missing(key);
  }

  optionalSize(key: string): number | undefined {
    const value = this.#uniform(key);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isInteger(value) && value > 0 && value <= MAX_SIZE) return value;
    return this.#reject(key, value, `a whole number from 1 to ${MAX_SIZE}`);
  }

  /** The id of a token. */
  optionalToken(key: string): number | undefined {
    const value = this.#value(key);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_SIZE) return value;
    return this.#reject(key, value, `a whole number from 0 to ${MAX_SIZE}`);
  }

  /** A finite number, rounded to the shortest decimal with the same float32. */
  number(key: string): number {
    return this.optionalNumber(key) ?? this.#missing(key);
  }

  optionalNumber(key: string): number | undefined {
    const value = this.#value(key);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isFinite(value)) return shortest(value);
    return this.#reject(key, value, "a finite number");
  }

  optionalText(key: string): string | undefined {
    const value = this.#value(key);
    if (value === undefined || typeof value === "string") return value;
    return this.#reject(key, value, "a text");
  }

  #value(key: string): MetadataValue | undefined {
    return this.#source.metadata.get(`${this.#section}.${key}`);
  }

  #uniform(key: string): MetadataValue | undefined {
    const value = this.#value(key);
    if (typeof value !== "object") return value;
    const items = Array.from<unknown>(value).filter((item, at, all) => item !== all[0] || at === 0);
    const [first] = items;
    if (items.length === 1 && typeof first === "number") return first;
    throw invalid(
      this.#source.file,
      `${this.#section}.${key} differs from layer to layer, which is not supported`,
    );
  }

  #missing(key: string): never {
    throw invalid(this.#source.file, `metadata '${this.#section}.${key}' is missing`);
  }

  #reject(key: string, value: MetadataValue, expected: string): never {
    const got = typeof value === "object" ? "a list" : String(value).slice(0, 80);
    throw invalid(this.#source.file, `${this.#section}.${key} is ${got}, expected ${expected}`);
  }
}

/** The shortest decimal with the same float32: 9.999999747378752e-06 becomes 1e-5. */
export function shortest(value: number): number {
  const single = Math.fround(value);
  for (let digits = 1; digits <= 9; digits += 1) {
    const short = Number(single.toPrecision(digits));
    if (Math.fround(short) === single) return short;
  }
  return value;
}
