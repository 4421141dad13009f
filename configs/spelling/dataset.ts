/**
 * Requests with typing errors, and the correct requests.
 *
 *   "trun the screen down a bit and alaways ask before updates"  ->  "turn the screen down a bit and always ask before updates"
 *
 * The requests are from the assistant task's tables, the errors from a keyboard layout. Both depend only on a seed.
 */
import { defineDataset, type Row } from "@slm/data";
import { z } from "zod";
import { drawClause } from "../assistant/request.js";
import { SETTINGS } from "../assistant/settings.js";
import { Draw } from "../shared/draw.js";
import { mistyped } from "../shared/typing.js";

export const settings = z.strictObject({
  rows: z.int().positive().max(50_000_000).default(40_000).describe("Requests [rows]."),
  seed: z
    .int()
    .nonnegative()
    .default(1)
    .describe("Seed of the requests; more rows do not change the first ones."),
  wrong: z
    .int()
    .min(0)
    .max(100)
    .default(12)
    .describe("Share of words of four letters or more with a typing error [%]."),
});

const JOINTS = [" and ", ", then ", " and also ", ". after that "];

/** All examples in order. */
function* examples({ rows, seed, wrong }: z.infer<typeof settings>): Generator<Row> {
  for (let place = 1; place <= rows; place++) yield spellingRow(new Draw(seed, place), wrong);
}

/** Two requests in one sentence; `wrong` percent of the longer words are mistyped. */
export function spellingRow(draw: Draw, wrong: number): Row {
  const clauses = [draw.pick(SETTINGS), draw.pick(SETTINGS)].map((setting) =>
    drawClause(draw, setting)
      .parts.map(({ text }) => text)
      .join(""),
  );
  const target = clauses.join(draw.pick(JOINTS)).replace(/\s+/g, " ").trim();
  const source = target.replace(/[a-z]{4,}/g, (word) => (draw.chance(wrong) ? mistyped(draw, word) : word));
  return { source, target };
}

export default defineDataset({ settings, examples });

// cspell:ignore trun alaways
