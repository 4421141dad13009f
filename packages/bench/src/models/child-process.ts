/** Starts a child process of this package and exchanges messages with it: one request, one reply. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { SlmError } from "@slm/core";
import { replySchema, type Reply, type Request } from "./protocol.js";

/** The compiled child file, next to this one. */
export const ENTRY = new URL("./model-process.js", import.meta.url);

/** How long a closed process may take to end before it is killed [ms]. */
const CLOSE_LIMIT_MS = 5000;

/** Requests are made one at a time. */
export interface BenchProcess {
  /**
   * @throws SlmError whatever the process throws, with the same code; DEVICE_UNAVAILABLE if it ends unexpectedly.
   */
  readonly request: <Kind extends Reply["kind"]>(
    request: Request,
    expected: Kind,
  ) => Promise<Extract<Reply, { kind: Kind }>>;
  /** Ends the process, after an optional last message. */
  readonly end: (farewell?: () => Promise<unknown>) => Promise<void>;
}

/**
 * Starts a process. Its output goes to standard error.
 *
 * @param subject the thing it measures, for messages.
 * @param entry the child's file; differs from the default only if this package is bundled.
 */
export function startProcess(subject: string, entry = ENTRY): BenchProcess {
  const child = fork(entry, [], { stdio: ["ignore", 2, 2, "ipc"] });
  return {
    request: (request, expected) => exchange({ child, subject }, request, expected),
    end: (farewell = () => Promise.resolve()) => end(child, farewell),
  };
}

interface Started {
  readonly child: ChildProcess;
  readonly subject: string;
}

/** Sends one request and waits for its reply, or for the end of the process. */
async function exchange<Kind extends Reply["kind"]>(
  { child, subject }: Started,
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
        reject(unasked(subject, signal ?? `exit code ${code ?? "unknown"}`));
      });
    };
    const onError = (error: Error): void => {
      settle(() => {
        reject(unasked(subject, error.message));
      });
    };
    child.on("message", onMessage).on("exit", onExit).on("error", onError);
    if (!child.connected) onExit(child.exitCode, child.signalCode);
    else child.send(request);
  });
  if (isReply(reply, expected)) return reply;
  if (reply.kind === "failed") {
    const { code, message, suggestions } = reply;
    throw new SlmError(code, message, { context: { subject }, suggestions });
  }
  throw new Error(`bench: expected the reply '${expected}', got '${reply.kind}'`);
}

function isReply<Kind extends Reply["kind"]>(
  reply: Reply,
  kind: Kind,
): reply is Extract<Reply, { kind: Kind }> {
  return reply.kind === kind;
}

function unasked(subject: string, how: string): SlmError {
  return new SlmError(
    "DEVICE_UNAVAILABLE",
    `bench: the process measuring ${subject} ended unexpectedly: ${how}`,
    {
      context: { subject, how },
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
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  } finally {
    await ended;
    clearTimeout(timer);
  }
}
