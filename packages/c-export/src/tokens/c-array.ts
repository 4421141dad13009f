/** Tables as C text. */

const NUMBERS_IN_A_LINE = 24;

/** A constant array; one zero if there are no numbers, because C has no empty arrays. */
export function arrayText(type: string, name: string, numbers: ArrayLike<number>): string {
  const all = numbers.length === 0 ? [0] : Array.from(numbers);
  const lines = Array.from({ length: Math.ceil(all.length / NUMBERS_IN_A_LINE) }, (_, line) =>
    all.slice(line * NUMBERS_IN_A_LINE, (line + 1) * NUMBERS_IN_A_LINE).join(","),
  );
  return `static const ${type} ${name}[] = {\n${lines.join(",\n")}\n};\n`;
}

/** The smallest type for tokens and places in tables, of which the largest number means none. */
export const numberType = (largest: number): "uint16_t" | "uint32_t" =>
  largest < 0xffff ? "uint16_t" : "uint32_t";

export const numberBytes = (type: "uint16_t" | "uint32_t"): number => (type === "uint16_t" ? 2 : 4);

/** The arrays `name` and `name_starts` of a slm_names. */
export function namesText(name: string, texts: readonly string[]): string {
  const { bytes, starts } = joinTexts(texts.map((text) => Buffer.from(text)));
  return arrayText("unsigned char", name, bytes) + arrayText("uint32_t", `${name}_starts`, starts);
}

export interface Texts {
  /** Bytes of all texts, one after the other. */
  readonly bytes: Uint8Array;
  /** Where each text starts, and where the last one ends. Compilers expect two numbers even without texts. */
  readonly starts: readonly number[];
}

export function joinTexts(texts: readonly Uint8Array[]): Texts {
  const starts = [0];
  for (const { length } of texts) starts.push(starts.at(-1)! + length);
  return { bytes: Buffer.concat(texts), starts: texts.length === 0 ? [0, 0] : starts };
}
