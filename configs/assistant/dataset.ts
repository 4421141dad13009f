/**
 * Generates requests about the settings of a device, and the corresponding calls, from tables. The rows depend only on the seed.
 *
 *   "could you turn the screen down a bit"  ->  {"name":"brightness","arguments":{"direction":"down","amount":"little"}}
 *   "mute it and go to airplane mode"       ->  [{"name":"mute",...},{"name":"airplane_mode",...}]
 *   "what's the weather in oslo"            ->  {"name":"none","arguments":{}}
 */
import { fileURLToPath } from "node:url";
import { defineDataset, readRows, type Row } from "@slm/data";
import { z } from "zod";
import { targetOf, type Call } from "./call.js";
import { Draw } from "../shared/draw.js";
import { dress, finish } from "./noise.js";
import { drawClause, drawLeave, drawOutOfScope, type Clause } from "./request.js";
import { SETTINGS } from "./settings.js";

export const settings = z.strictObject({
  rows: z.int().positive().max(50_000_000).default(40_000).describe("Number of synthetic requests [rows]."),
  seed: z
    .int()
    .nonnegative()
    .default(1)
    .describe("Seed of the requests; more rows do not change the first ones."),
});

/** 300 requests, written by hand without templates, for the test split. */
export const TEST_FILE = fileURLToPath(new URL("./requests.jsonl", import.meta.url));

/** Shares of kinds of requests [%]; the others have one call. */
const SHARES = { two: 13, leave: 4, outOfScope: 9 } as const;

const JOINTS = [" and ", ", and ", " and then ", ", then ", " and also ", ", also ", " plus ", ". also "];

/** All examples in order. */
export function* examples({ rows, seed }: z.infer<typeof settings>): Generator<Row> {
  for (let place = 1; place <= rows; place++) yield assistantRow(seed, place);
}

/** The row for a seed and an index, independent of other rows. */
export function assistantRow(seed: number, place: number): Row {
  const draw = new Draw(seed, place);
  const kind = draw.below(100);
  if (kind < SHARES.two) return twoRequests(draw);
  if (kind < SHARES.two + SHARES.leave) return oneRequest(draw, drawLeave(draw, draw.pick(SETTINGS)));
  if (kind < SHARES.two + SHARES.leave + SHARES.outOfScope) return oneRequest(draw, drawOutOfScope(draw));
  return oneRequest(draw, drawClause(draw, draw.pick(SETTINGS)));
}

function oneRequest(draw: Draw, { parts, call }: Clause): Row {
  return row(finish(draw, dress(draw, parts)), [call]);
}

function twoRequests(draw: Draw): Row {
  const first = draw.below(SETTINGS.length);
  const second = (first + 1 + draw.below(SETTINGS.length - 1)) % SETTINGS.length;
  const clauses = [first, second].map((index) => drawClause(draw, SETTINGS[index]!));
  const { text, startsFixed } = dress(draw, clauses[0]!.parts);
  const other = clauses[1]!.parts.map((part) => part.text).join("");
  const whole = { text: `${text}${draw.pick(JOINTS)}${other}`, startsFixed };
  return row(
    finish(draw, whole),
    clauses.map(({ call }) => call),
  );
}

function row(source: string, calls: readonly Call[]): Row {
  return { source, target: targetOf(calls) };
}

export default defineDataset({ settings, examples, test: () => readRows(TEST_FILE) });
