/** Entry of the child process that loads a vendor's library. It serves a host or runs one job. */
import { SlmError } from "@slm/core";
import {
  serveHost,
  toWireError,
  type CallMessage,
  type RepeatMessage,
  type StopMessage,
} from "@slm/runtime/host";
import { JOBS, type JobName, type Jobs } from "./host/jobs.js";
import { NativeHost, type NativeHostOptions } from "./host/native-host.js";

/** The first message: what this process should do. */
export type Assignment =
  | { readonly kind: "host"; readonly options: NativeHostOptions }
  | { readonly kind: "job"; readonly name: JobName; readonly request: Jobs[JobName]["request"] };

/** The answer to a job. */
export type JobReply =
  | { readonly kind: "done"; readonly reply: Jobs[JobName]["reply"] }
  | { readonly kind: "failed"; readonly error: ReturnType<typeof toWireError> };

const NAME = "runtime-native";

function post(message: object): void {
  process.send!(message);
}

function serve(options: NativeHostOptions): void {
  const receive = serveHost(new NativeHost(options), { name: NAME, post });
  process.on("message", (message: CallMessage | RepeatMessage | StopMessage) => {
    receive(message);
  });
}

async function work<Name extends JobName>(name: Name, request: Jobs[Name]["request"]): Promise<void> {
  let answer: JobReply;
  try {
    answer = { kind: "done", reply: await JOBS[name](request) };
  } catch (error) {
    answer = { kind: "failed", error: toWireError(NAME, error) };
  }
  // A vendor's library may have threads that never end, or crash while it is unloaded. The answer has already been sent.
  process.send!(answer, () => process.kill(process.pid, "SIGKILL"));
}

if (process.send === undefined)
  throw new SlmError("UNEXPECTED", `${NAME}: native-process.js must be started as a child process`);
process.once("message", (assignment: Assignment) => {
  if (assignment.kind === "host") serve(assignment.options);
  else void work(assignment.name, assignment.request);
});
// The parent process has ended, so nobody waits for an answer.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
