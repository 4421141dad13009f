/** Reads and writes `draft-rules.json`, which predicts the next tokens of a model's answers. */
import { dirname, join } from "node:path";
import { shellWord, SlmError, parseJsonText, readTextFile, writeJsonAtomic } from "@slm/core";
import { DRAFT_RULES_FILE, type DeviceModel } from "@slm/exported-model";
import { z } from "zod";
import {
  addRule,
  CHANCE_PARTS,
  COPIED,
  emptyDraftRules,
  ENTRY_KINDS,
  MOST_RULES,
  type DraftRule,
  type DraftRules,
} from "./rule-table.js";

const BYTES = Int32Array.BYTES_PER_ELEMENT;

const packed = (what: string, bytesEach: number): z.ZodType<DataView> =>
  z
    .base64()
    .max(Math.ceil((MOST_RULES * bytesEach) / 3) * 4)
    // Browsers have no Buffer.
    .transform((text) => new DataView(bytesOf(atob(text)).buffer))
    .describe(what);

/** Bytes of a text in which every character is one byte. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

const draftRulesSchema = z
  .strictObject({
    schemaVersion: z.literal(1),
    kinds: z
      .partialRecord(z.enum(ENTRY_KINDS), z.int().min(1).max(MOST_RULES))
      .describe("Number of rules of each kind, in the order of the kinds in packages/generation."),
    keys: packed("int32, little-endian: the hash of each rule's context.", BYTES),
    tokens: packed(
      "int32, little-endian: the token that each rule proposes; -1: copied from the source.",
      BYTES,
    ),
    chances: packed("uint8: the probability that each rule is right, times 255.", 1),
  })
  .refine(
    ({ keys, tokens, chances }) =>
      keys.byteLength === BYTES * chances.byteLength && tokens.byteLength === BYTES * chances.byteLength,
    "expected as many keys and tokens as chances",
  )
  .refine(
    ({ kinds, chances }) =>
      Object.values(kinds).reduce((sum, count) => sum + count, 0) === chances.byteLength,
    "expected as many rules in total as chances",
  );

/** Writes a model's draft rules into its directory. @throws SlmError OUTPUT_FAILED */
export async function writeDraftRules(directory: string, given: readonly DraftRule[]): Promise<void> {
  const groups = ENTRY_KINDS.map((kind) => given.filter((rule) => rule.kind === kind)).filter(
    ({ length }) => length > 0,
  );
  const rules = groups.flat();
  const int32 = (of: (rule: DraftRule) => number): string => {
    const bytes = Buffer.alloc(BYTES * rules.length);
    for (const [at, rule] of rules.entries()) bytes.writeInt32LE(of(rule), BYTES * at);
    return bytes.toString("base64");
  };
  await writeJsonAtomic(join(directory, DRAFT_RULES_FILE), {
    schemaVersion: 1,
    kinds: Object.fromEntries(groups.map((group) => [group[0]!.kind, group.length])),
    keys: int32(({ key }) => key),
    tokens: int32(({ token }) => token),
    chances: Buffer.from(rules.map(({ chance }) => Math.round(CHANCE_PARTS * chance))).toString("base64"),
  });
}

/**
 * A model's draft rules.
 *
 * @throws SlmError INPUT_MISSING; DATA_INVALID if the file does not match model.json or names a token that the model does not have
 */
export async function readDraftRules(directory: string, model: RuledModel): Promise<DraftRules> {
  const file = join(directory, DRAFT_RULES_FILE);
  const suggestions = [`slm verify ${shellWord(directory)}`];
  return parseDraftRules(await readTextFile(file, { suggestions }), file, model);
}

/** The properties of a model that its draft rules must match. */
type RuledModel = Pick<DeviceModel, "draftRules" | "vocabularySize">;

/** Parses the text of a rules file. @param file for errors. @throws SlmError DATA_INVALID */
export function parseDraftRules(
  text: string,
  file: string,
  { draftRules, vocabularySize }: RuledModel,
): DraftRules {
  const suggestions = [`slm verify ${shellWord(dirname(file))}`];
  const { kinds, keys, tokens, chances } = parseJsonText(text, draftRulesSchema, file);
  const reject = (problem: string): SlmError =>
    new SlmError("DATA_INVALID", `${file}: ${problem}`, { suggestions });
  if (chances.byteLength !== draftRules)
    throw reject(`model.json lists ${draftRules} rules, the file has ${chances.byteLength}`);
  const used = new Set(ENTRY_KINDS.filter((kind) => kinds[kind] !== undefined));
  const table = emptyDraftRules(draftRules, used, vocabularySize);
  for (let at = 0; at < draftRules; at++) {
    const token = tokens.getInt32(BYTES * at, true);
    if (token < COPIED || token >= vocabularySize)
      throw reject(`rule ${at}: token ${token} is not among the model's ${vocabularySize} tokens`);
    const key = keys.getInt32(BYTES * at, true);
    if (key === 0) throw reject(`rule ${at}: its key is 0, which no rule has`);
    addRule(table, key, token, chances.getUint8(at));
  }
  return table;
}
