/** SIGINT and SIGTERM as an abort signal: the first asks stages to save and stop, the second ends the process. */
import { INTERRUPTED_EXIT, SlmError } from "@slm/core/errors";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

export interface Interruption {
  readonly signal: AbortSignal;
  /** Stops listening. */
  readonly dispose: () => void;
}

/** Listens until disposed. @param onFirst is told the first signal, to say that stopping takes a moment */
export function listenForInterruption(onFirst: (signal: NodeJS.Signals) => void): Interruption {
  const controller = new AbortController();
  const listener = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      // Someone who asks twice wants out now. What is on disk is valid at every moment.
      process.exit(INTERRUPTED_EXIT);
    }
    onFirst(signal);
    controller.abort(
      new SlmError("INTERRUPTED", `interrupted by ${signal}; the state on disk is valid`, {
        suggestions: ["run the same command again to resume"],
      }),
    );
  };
  for (const signal of SIGNALS) process.on(signal, listener);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const signal of SIGNALS) process.off(signal, listener);
    },
  };
}
