/**
 * Steps of a batch with draft rules. Each row is fed its token and its drafts, and advances by the accepted ones. Rows have different
 * numbers of drafts: shorter rows are padded, and outputs after their end are dropped.
 *
 * ```
 * ids [rows, tokens]      past [rows]
 *  t  d1 d2 d3             12            accepts 3 tokens: past 15
 *  t  d1  .  .              4            accepts 1: past 5
 * ```
 */
import type { DeviceModel } from "@slm/exported-model";
import { openDrafter, type DraftRules } from "@slm/generation";
import type { Session } from "@slm/runtime";
import type { Row } from "./job.js";

/**
 * Largest batch that drafts, for decoders that read several tokens of every row. In larger batches each row of a run takes time,
 * so a rejected draft costs as much as a token.
 */
export const DRAFTED_ROWS = 4;

/** A decoder that verifies drafts. */
export interface Drafting {
  readonly session: Session;
  /** Most draft tokens per row and step. */
  readonly tokens: number;
  /** Largest batch that the decoder reads. */
  readonly rows: number;
}

/** The drafting decoder if it can read the batch and all rows are greedy; else undefined. */
export function draftingFor(
  drafting: Drafting | undefined,
  rows: readonly (Row | undefined)[],
): Drafting | undefined {
  if (drafting === undefined || rows.length > drafting.rows) return undefined;
  const isPlain = rows.every((row) => row === undefined || isGreedy(row));
  return isPlain ? drafting : undefined;
}

const isGreedy = ({ job, prompt }: Row): boolean =>
  job.choose === undefined && job.pending === undefined && prompt.length === 1;

export interface StepInputs {
  /** int32 `[rows, tokens]` */
  readonly ids: Int32Array<ArrayBuffer>;
  /** int32 `[rows]` */
  readonly past: Int32Array<ArrayBuffer>;
  readonly tokens: number;
  /** Drafts of each row. */
  readonly drafts: readonly (readonly number[])[];
}

/**
 * Inputs of a step. No row exceeds its caches.
 *
 * @param draftsOf drafts of a row; default: none
 */
export function stepInputs(
  rows: readonly (Row | undefined)[],
  { tokens: { pad }, maxTarget }: Pick<DeviceModel, "tokens" | "maxTarget">,
  draftsOf: (row: Row) => readonly number[] = () => [],
): StepInputs {
  const past = Int32Array.from(rows, (row) => row?.past ?? 0);
  // Every row writes as many positions as the longest one.
  const room = Math.min(...past.map((length) => maxTarget - length - 1));
  const drafts = rows.map((row) => (row === undefined ? [] : draftsOf(row).slice(0, room)));
  const tokens = 1 + Math.max(...drafts.map(({ length }) => length));
  const ids = new Int32Array(rows.length * tokens).fill(pad);
  rows.forEach((row, at) => {
    if (row === undefined) return;
    ids.set([row.prompt[row.past] ?? row.next, ...drafts[at]!], at * tokens);
  });
  return { ids, past, tokens, drafts };
}

/** Drafts of a row by rules, up to the end of the answer and its token limit. */
export function usableDrafts(
  row: Row,
  { tokens: most }: Drafting,
  { model, draftRules: rules }: RulesOfModel,
): readonly number[] {
  const { eos } = model.tokens;
  const room = Math.max(0, row.job.maxTokens - row.chosen - 1);
  row.drafter ??= rules && openDrafter({ rules, source: row.job.source, most });
  return row.drafter?.draft(row.answer, Math.min(most, room), eos) ?? [];
}

interface RulesOfModel {
  readonly model: Pick<DeviceModel, "tokens">;
  readonly draftRules?: DraftRules | undefined;
}
