/** The child's side: holds one model and does what the parent asks, one request at a time. */
import { SlmError } from "@slm/error";
import { peakMemoryBytes } from "./peak-memory.js";
import { requestSchema, type Reply, type Request, type RuntimeModule } from "./protocol.js";
import { timeGeneration, type GeneratesTokens } from "./timed-model.js";

/** Loads the model of a directory on a runtime. */
export type OpenGenerator = (directory: string, runtime: RuntimeModule) => Promise<GeneratesTokens>;

type Handlers = { readonly [Kind in Request["kind"]]: (request: Extract<Request, { kind: Kind }>) => Promise<Reply> };

/**
 * Serves a forked process until the parent closes it or is gone. Signals are left to the parent: a Ctrl-C reaches both.
 *
 * @throws SlmError USAGE if this process was not forked with a channel.
 */
export function serveModel(open: OpenGenerator): void {
  if (process.send === undefined) {
    throw new SlmError("USAGE", "bench: this file runs as a child process of slm bench, not by itself", {
      suggestions: ["slm bench MODEL"],
    });
  }
  const handlers = handlersFor(open);
  let queue = Promise.resolve();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined);
  process.on("disconnect", () => process.exit());
  process.on("message", (message: unknown) => {
    queue = queue.then(async () => {
      process.send?.(await answer(handlers, message));
    });
  });
}

/** What each request does, with the model it is done to. */
function handlersFor(open: OpenGenerator): Handlers {
  let model: GeneratesTokens | undefined;
  const opened = (): GeneratesTokens => {
    if (model === undefined) throw new Error("a request came before the model was opened");
    return model;
  };
  return {
    open: async ({ directory, runtime }) => {
      const processRssBytes = await peakMemoryBytes();
      const start = performance.now();
      model = await open(directory, runtime);
      const loadMs = performance.now() - start;
      return { kind: "opened", opened: { loadMs, processRssBytes, device: model.device } };
    },
    run: async ({ prompt, maxTokens, ignoreEos }) => ({
      kind: "ran",
      sample: await timeGeneration(opened(), prompt, { maxTokens, ignoreEos }),
    }),
    memory: async () => ({ kind: "memory", peakRssBytes: await peakMemoryBytes() }),
    close: async () => {
      await model?.close();
      return { kind: "closed" };
    },
  };
}

async function answer(handlers: Handlers, message: unknown): Promise<Reply> {
  try {
    const request = requestSchema.parse(message);
    return await handle(handlers, request);
  } catch (error) {
    const isKnown = error instanceof SlmError;
    return {
      kind: "failed",
      code: isKnown ? error.code : "UNEXPECTED",
      message: isKnown ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error),
      suggestions: isKnown ? [...error.suggestions] : [],
    };
  }
}

function handle(handlers: Handlers, request: Request): Promise<Reply> {
  switch (request.kind) {
    case "open":
      return handlers.open(request);
    case "run":
      return handlers.run(request);
    case "memory":
      return handlers.memory(request);
    case "close":
      return handlers.close(request);
  }
}
