/** Signals that end a request before its answer: a timeout, or a client that disconnected. */
import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import type { ServeConfig } from "../serve-config.js";
import { ClientGone, RequestTimeout } from "./connection/http-error.js";

export interface Stopping {
  readonly signal: AbortSignal;
  readonly abort: (reason?: unknown) => void;
}

/** Runs some work with a signal, and removes its timer and listeners afterwards. */
export async function withStopSignal<Result>(
  context: Context,
  { timeoutSeconds }: Pick<ServeConfig, "timeoutSeconds">,
  work: (stopping: Stopping) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  const abort = (reason?: unknown): void => {
    controller.abort(reason);
  };
  const timer = setTimeout(() => {
    abort(new RequestTimeout(timeoutSeconds));
  }, timeoutSeconds * 1000);
  const unwatch = watchClient(context, () => {
    abort(new ClientGone());
  });
  try {
    return await work({ signal: controller.signal, abort });
  } finally {
    clearTimeout(timer);
    unwatch();
  }
}

/** Calls back if the client closes its connection before the answer is sent. @returns a function that stops watching */
function watchClient(context: Context, onGone: () => void): () => void {
  // Without a server, as in tests, an application has no bindings.
  const outgoing = (context.env as Partial<HttpBindings> | undefined)?.outgoing;
  if (outgoing === undefined) {
    const { signal } = context.req.raw;
    signal.addEventListener("abort", onGone);
    return () => {
      signal.removeEventListener("abort", onGone);
    };
  }
  // Node's response is cheaper to watch than the request's signal, which would build a whole Request object.
  const onClose = (): void => {
    if (!outgoing.writableFinished) onGone();
  };
  outgoing.on("close", onClose);
  return () => {
    outgoing.off("close", onClose);
  };
}
