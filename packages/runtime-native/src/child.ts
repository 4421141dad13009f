/** Starts the child process of a host or a job, and reports how it ended. */
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { SlmError } from "@slm/core";
import { RemoteChannel, fromWireError, type HostChannel, type ReplyMessage } from "@slm/runtime/host";
import type { JobName, Jobs } from "./host/jobs.js";
import type { NativeHostOptions } from "./host/native-host.js";
import type { Assignment, JobReply } from "./native-process.js";

/**
 * The compiled program: Node cannot run TypeScript, so a program that runs from `src/` also uses the one in `dist/`; `../dist/` is
 * correct from either folder.
 */
const PROGRAM = fileURLToPath(new URL("../dist/native-process.js", import.meta.url));

/** Number of lines of standard error that are kept for the message. */
const KEPT_CHARACTERS = 2000;

interface Child {
  readonly process: ChildProcess;
  /** The last text that the process wrote to standard error. */
  readonly lastWords: () => string;
}

function start(assignment: Assignment): Child {
  // Flags of this process (loaders, conditions) do not apply to the compiled program.
  const child = fork(PROGRAM, [], {
    execArgv: [],
    serialization: "advanced",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let text = "";
  child.stderr!.setEncoding("utf8").on("data", (part: string) => {
    text = (text + part).slice(-KEPT_CHARACTERS);
  });
  // If a child ends before it reads the message, its exit is reported.
  child.send(assignment, () => undefined);
  return { process: child, lastWords: () => text.trim() };
}

function ending(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `ended with code ${String(code)}` : `was ended by ${signal}`;
}

/** Opens a host in a child process. If the child cannot start, or a vendor's library ends it, its calls are rejected. */
export function openNativeChannel(options: NativeHostOptions): HostChannel {
  const { process: child, lastWords } = start({ kind: "host", options });
  return new RemoteChannel({
    title: "runtime-native: the process of the vendor's library",
    sharesMemory: false,
    post: (message) => {
      child.send(message, () => undefined);
    },
    listen: (receive, ended) => {
      child.on("message", (message) => {
        receive(message as ReplyMessage);
      });
      child.on("error", (cause) => {
        ended(`failed: ${cause.message}`, { cause });
      });
      child.on("exit", (code, signal) => {
        ended(ending(code, signal), crashContext(lastWords()));
      });
    },
    keepAlive: (busy) => {
      if (busy) {
        child.ref();
        child.channel?.ref();
      } else {
        child.unref();
        child.channel?.unref();
        (child.stderr as { unref?: () => void } | null)?.unref?.();
      }
    },
    terminate: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const over = new Promise((resolve) => child.once("exit", resolve));
      child.ref();
      child.kill("SIGKILL");
      await over;
    },
  });
}

function crashContext(lastWords: string): {
  readonly context?: Record<string, unknown>;
  readonly suggestions: string[];
} {
  return {
    ...(lastWords === "" ? {} : { context: { standardError: lastWords } }),
    suggestions: ["slm doctor --check"],
  };
}

/**
 * Runs one job in a child process.
 *
 * @param signal ends the process
 * @throws SlmError the errors of the job; DEVICE_UNAVAILABLE with the last output lines if the process ends without an answer; INTERRUPTED if the
 * signal fires
 */
export async function runJob<Name extends JobName>(
  name: Name,
  request: Jobs[Name]["request"],
  signal?: AbortSignal,
): Promise<Jobs[Name]["reply"]> {
  if (signal?.aborted === true) throw interrupted(name);
  const { process: child, lastWords } = start({ kind: "job", name, request });
  const stop = (): void => {
    child.kill("SIGKILL");
  };
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const answer = await new Promise<JobReply>((resolve, reject) => {
      child.once("message", (message) => {
        resolve(message as JobReply);
      });
      child.once("error", reject);
      child.once("close", (code, by) => {
        const how = `the process of the vendor's library ${ending(code, by)} during '${name}'`;
        reject(
          signal?.aborted === true
            ? interrupted(name)
            : new SlmError("DEVICE_UNAVAILABLE", `runtime-native: ${how}`, crashContext(lastWords())),
        );
      });
    });
    if (answer.kind === "failed") throw fromWireError(answer.error);
    return answer.reply;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

function interrupted(name: string): SlmError {
  return new SlmError("INTERRUPTED", `runtime-native: '${name}' was stopped`);
}
