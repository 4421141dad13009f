/** The parent's side: one model alone in a process of its own, so that memory and warm state are this model's only. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { SlmError } from "@slm/error";
import type { OpenOptions } from "./local-model.js";
import { replySchema, type Reply, type Request } from "./protocol.js";
import type { TimedModel } from "./timed-model.js";

/** Beside this file, compiled as it is. */
const ENTRY = new URL("./model-process.js", import.meta.url);

/** How long a closed process may take to end before it is killed [ms]. */
const CLOSE_LIMIT_MS = 5000;

/**
 * Starts a process, loads the model in it and waits until it is ready. What the process prints goes to standard error.
 *
 * @param entry the child's file; another one only where this package is bundled.
 * @throws SlmError whatever loading throws, under its own code; DEVICE_UNAVAILABLE if the process ends unasked.
 */
export async function forkModel(options: OpenOptions, entry = ENTRY): Promise<TimedModel> {
  const { directory } = options;
  const child = fork(entry, [], { stdio: ["ignore", 2, 2, "ipc"] });
  const ask = <Kind extends Reply["kind"]>(
    request: Request,
    expected: Kind,
  ): Promise<Extract<Reply, { kind: Kind }>> => exchange(child, directory, request, expected);
  try {
    const { opened } = await ask({ kind: "open", ...options }, "opened");
    return {
      opened,
      run: async (prompt, maxTokens) =>
        (await ask({ kind: "run", prompt, maxTokens: maxTokens ?? null }, "ran")).sample,
      peakRssBytes: async () => (await ask({ kind: "memory" }, "memory")).peakRssBytes,
      close: async () => {
        await end(child, () => ask({ kind: "close" }, "closed"));
      },
    };
  } catch (error) {
    await end(child, () => Promise.resolve());
    throw error;
  }
}

/** Sends one request and waits for its reply, or for the end of the process. */
async function exchange<Kind extends Reply["kind"]>(
  child: ChildProcess,
  directory: string,
  request: Request,
  expected: Kind,
): Promise<Extract<Reply, { kind: Kind }>> {
  const reply = await new Promise<Reply>((resolve, reject) => {
    const settle = (done: () => void): void => {
      child.off("message", onMessage).off("exit", onExit).off("error", onError);
      done();
    };
    const onMessage = (message: unknown): void => {
      settle(() => {
        const parsed = replySchema.safeParse(message);
        if (parsed.success) resolve(parsed.data);
        else reject(parsed.error);
      });
    };
    const onExit = (code: number | null, signal: string | null): void => {
      settle(() => {
        reject(unasked(directory, signal ?? `exit code ${code ?? "unknown"}`));
      });
    };
    const onError = (error: Error): void => {
      settle(() => {
        reject(unasked(directory, error.message));
      });
    };
    child.on("message", onMessage).on("exit", onExit).on("error", onError);
    if (!child.connected) onExit(child.exitCode, child.signalCode);
    else child.send(request);
  });
  if (isReply(reply, expected)) return reply;
  if (reply.kind === "failed") {
    const { code, message, suggestions } = reply;
    throw new SlmError(code, message, { context: { directory }, suggestions });
  }
  throw new Error(`bench: expected the reply '${expected}', got '${reply.kind}'`);
}

function isReply<Kind extends Reply["kind"]>(
  reply: Reply,
  kind: Kind,
): reply is Extract<Reply, { kind: Kind }> {
  return reply.kind === kind;
}

function unasked(directory: string, how: string): SlmError {
  return new SlmError(
    "DEVICE_UNAVAILABLE",
    `bench: the process measuring ${directory} ended unasked: ${how}`,
    {
      context: { directory, how },
      suggestions: ["slm doctor", "measure fewer models at once if memory is short"],
    },
  );
}

async function end(child: ChildProcess, farewell: () => Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  const timer = setTimeout(() => child.kill("SIGKILL"), CLOSE_LIMIT_MS);
  try {
    await farewell();
    if (child.connected) child.disconnect();
    await ended;
  } finally {
    clearTimeout(timer);
  }
}
