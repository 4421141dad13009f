/** A runtime that suppresses EOS, so that all models generate the same number of tokens. */
import { CANDIDATES, GRAPH_IO } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { endlessRequest } from "@slm/generation";
import {
  withLoad,
  type HostTensor,
  type RepeatedRun,
  type Runtime,
  type RunResult,
  type Session,
} from "@slm/runtime";

/** Below every real logit, and finite, as decoding demands. */
export const NEVER = -1e30;

/**
 * The same runtime, but EOS is never the most probable token: its logit is overwritten in the result of a run. If the graph chooses
 * tokens itself, a chosen EOS is replaced by another id. The generator is unchanged; a step writes one more number.
 *
 * @throws SlmError (on a run) SHAPE_MISMATCH if logits are not float32 rows that contain the token.
 */
export function endlessRuntime(runtime: Runtime, eos: number): Runtime {
  return withLoad(runtime, async (source, options) =>
    endlessSession(await runtime.load(source, options), eos),
  );
}

function endlessSession(session: Session, eos: number): Session {
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    release: () => session.release(),
    run: async (request) => {
      const result = await session.run(request);
      suppressChosen(result.fetched, eos);
      const logits = result.fetched[GRAPH_IO.logits];
      if (logits === undefined) return result;
      const vocabulary = logits.shape.at(-1) ?? 0;
      if (!(logits.data instanceof Float32Array) || eos >= vocabulary) {
        throw new SlmError(
          "SHAPE_MISMATCH",
          `bench: expected float32 logits of more than ${eos} tokens, got ${logits.dtype}[${logits.shape.join(",")}]`,
        );
      }
      for (let at = eos; at < logits.data.length; at += vocabulary) logits.data[at] = NEVER;
      return result;
    },
    repeat: (request) => endlessRuns(session.repeat(endlessRequest(request)), eos),
  };
}

async function* endlessRuns(
  runs: AsyncIterable<RepeatedRun>,
  eos: number,
): AsyncGenerator<RepeatedRun, undefined> {
  for await (const run of runs) {
    rename(run.fetched[GRAPH_IO.bestIds]!.data, eos);
    yield run;
  }
}

/** The same for tokens that a graph samples, and for the candidates of beam search. */
function suppressChosen(fetched: RunResult["fetched"], eos: number): void {
  const drawn = fetched[GRAPH_IO.bestIds];
  if (drawn !== undefined) rename(drawn.data, eos);
  const [ids, logits] = [fetched[CANDIDATES.ids]?.data, fetched[CANDIDATES.logits]?.data];
  if (ids === undefined || logits === undefined) return;
  ids.forEach((id: number | bigint, at: number) => {
    if (id === eos) logits[at] = NEVER;
  });
}

/** Replaces a chosen EOS by another id. */
export function rename(picks: HostTensor["data"], eos: number): void {
  for (let row = 0; row < picks.length; row++) if (picks[row] === eos) picks[row] = eos === 0 ? 1 : 0;
}
