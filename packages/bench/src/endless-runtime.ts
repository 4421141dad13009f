/** A runtime that suppresses EOS, so that all models generate the same number of tokens. */
import { GRAPH_IO } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { withLoad, type RepeatedRun, type Runtime, type Session } from "@slm/runtime";

/** Of no token. */
const NO_ID = -1;

/** Below every real logit, and finite, as decoding demands. */
const NEVER = -1e30;

/**
 * The same runtime, but EOS is never the most probable: its logit is overwritten in what a run returns. Where the graph picks
 * tokens itself, no pick ends a row, and one that would is called by another id. The generator stays the one that is used in earnest; a
 * step costs one number more.
 *
 * @throws SlmError (on a run) SHAPE_MISMATCH if logits are not float32 rows that hold the token.
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
    repeat: (request) => endlessRuns(session.repeat({ ...request, end: NO_ID }), request.picks, eos),
  };
}

async function* endlessRuns(
  runs: AsyncIterable<RepeatedRun>,
  picks: string,
  eos: number,
): AsyncGenerator<RepeatedRun, undefined> {
  for await (const run of runs) {
    const { data } = run.fetched[picks]!;
    for (let row = 0; row < data.length; row++) if (data[row] === eos) data[row] = eos === 0 ? 1 : 0;
    yield run;
  }
}
