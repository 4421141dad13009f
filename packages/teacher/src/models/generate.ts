/** Generates a teacher's targets with any kind of step decoder. */
import { decode, type Strategy } from "@slm/generation";
import type { Teacher, TeacherLimits } from "./teacher.js";

type Marks = TeacherLimits["tokens"];

/** Decoder rows per source. */
const rowsPerSource = (strategy: Strategy): number => (strategy.kind === "beam" ? strategy.beams : 1);

/** Implements {@link Teacher.decode} with a function that starts decoders. A source needs one row per beam. */
export function decodeWith(start: Teacher["start"], { bos, eos, pad }: Marks): Teacher["decode"] {
  return async (sources, shape, strategy, random) => {
    const copies = rowsPerSource(strategy);
    const rows = sources.flatMap((source) => Array.from({ length: copies }, () => source));
    const step = await start(rows, { ...shape, batch: shape.batch * copies });
    const maxTokens = Math.max(1, shape.target - 1);
    const results = await decode(step, { bos, eos, pad, maxTokens, strategy, random });
    return results.slice(0, sources.length);
  };
}

/** Implements {@link Teacher.generate} with a function that starts decoders. */
export function generateWith(start: Teacher["start"], tokens: Marks): Teacher["generate"] {
  const decodeAll = decodeWith(start, tokens);
  return async (...request) => (await decodeAll(...request)).map(({ tokens: target }) => target);
}
