/** Reads, writes and changes the lexical shortlist of a checkpoint. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { SlmError } from "@slm/core";
import { checkedShortlist, type LexicalShortlist } from "@slm/generation";
import { createHostTensor } from "@slm/runtime";
import { readSafetensors, writeSafetensors } from "./safetensors.js";

const LEXICAL_SHORTLIST_FILE = "lexical_shortlist.safetensors";

/** Adds each source token to its own answers, so that names can be copied if source and target share a vocabulary. */
export function withSourceTokens({ always, offsets, tokens }: LexicalShortlist): LexicalShortlist {
  const words = offsets.length - 1;
  const longer = new Int32Array(tokens.length + words);
  for (let token = 0; token < words; token++) {
    longer.set(tokens.subarray(offsets[token], offsets[token + 1]), offsets[token]! + token);
    longer[offsets[token + 1]! + token] = token;
  }
  return { always, offsets: offsets.map((offset, at) => offset + at), tokens: longer };
}

/** Extends a shortlist to a vocabulary with more tokens at its end, which have no answers. */
export function extendedShortlist(list: LexicalShortlist, vocabulary: number): LexicalShortlist {
  const { offsets, tokens } = list;
  const longer = new Int32Array(vocabulary + 1).fill(tokens.length, offsets.length);
  longer.set(offsets);
  return { ...list, offsets: longer };
}

/** Writes {@link LEXICAL_SHORTLIST_FILE} into a checkpoint's directory. @throws SlmError OUTPUT_FAILED */
export async function writeLexicalShortlist(directory: string, list: LexicalShortlist): Promise<void> {
  const tensors = Object.entries(list).map(
    ([name, ids]: [string, Int32Array]) => [name, createHostTensor("int32", [ids.length], ids)] as const,
  );
  await writeSafetensors(join(directory, LEXICAL_SHORTLIST_FILE), new Map(tensors));
}

/** The shortlist of a checkpoint; undefined if there is none. @throws SlmError DATA_INVALID if it is corrupt, or for another vocabulary */
export async function readLexicalShortlist(
  directory: string,
  vocabulary: number,
): Promise<LexicalShortlist | undefined> {
  const file = join(directory, LEXICAL_SHORTLIST_FILE);
  if (!existsSync(file)) return undefined;
  const { tensors } = await readSafetensors(file);
  const reject = (message: string): SlmError =>
    new SlmError("DATA_INVALID", `${file}: not a usable lexical shortlist: ${message}`, {
      context: { file },
    });
  const part = (name: keyof LexicalShortlist): Int32Array => {
    const data = tensors.get(name)?.data;
    if (data instanceof Int32Array) return data;
    throw reject(`it has no int32 '${name}'`);
  };
  return checkedShortlist(
    { always: part("always"), offsets: part("offsets"), tokens: part("tokens") },
    vocabulary,
    reject,
  );
}
