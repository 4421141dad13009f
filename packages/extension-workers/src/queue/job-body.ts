/** Runs job bodies in the processes that BullMQ starts. */
import { removePath, SlmError, type ErrorCode } from "@slm/core";
import { z } from "zod";
import { LocalCopies } from "../storage/local-copies.js";
import { DirectoryStore } from "../storage/directory-store.js";
import { SharedFiles, type FileRef } from "../storage/shared-files.js";
import { jobPermissions, type JobPermissions } from "./job-permissions.js";
import { requireSignature, signatureOf, WORKER_KEY_VARIABLE, workerKey } from "./job-signature.js";
import {
  failureText,
  jobMessage,
  jobResult,
  requireSmall,
  type JobMessage,
  type JobResult,
} from "./messages.js";
import { PASSWORD_VARIABLE, redisAddress, type RedisAddress } from "./redis-address.js";

/** Environment variable with a worker's settings for its job processes. */
export const JOB_PROCESS_VARIABLE = "SLM_JOB_PROCESS";

const jobProcess = z.strictObject({
  storage: z.string(),
  /** Folder of local copies. */
  scratch: z.string(),
  threads: z.int().positive(),
  /** Address of Redis, for data other than files that jobs share. */
  redis: z.string(),
  /** Permissions from the worker's operator. */
  allowed: jobPermissions,
});
export type JobProcess = Readonly<z.infer<typeof jobProcess>>;

/** Error codes for which a retry would fail again. */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  "BUDGET_EXCEEDED",
  "CONFIG_INVALID",
  "DATA_INVALID",
  "GATE_FAILED",
  "OP_UNSUPPORTED",
  "SHAPE_MISMATCH",
]);

/** The context of a job body. */
export interface JobRequest {
  readonly settings: JobMessage["settings"];
  readonly inputs: Readonly<Record<string, FileRef>>;
  /** Storage of the job's run, for its outputs. */
  readonly files: SharedFiles;
  /** Local copies of its inputs. */
  readonly copies: LocalCopies;
  readonly threads: number;
  readonly redis: RedisAddress;
  /** Permissions from the worker's operator. A body checks them before it runs a program or reads a variable that the job names. */
  readonly allowed: JobPermissions;
  readonly signal: AbortSignal;
  /** An empty directory that is removed after the job. */
  readonly work: () => Promise<string>;
}

/** Processes one kind of job, one job at a time. A body can keep resources open between jobs. */
export type JobBody = (request: JobRequest) => Promise<Omit<JobResult, "seconds" | "signature">>;

/** The function that BullMQ calls in a job process. */
export type JobServer = (
  job: { readonly id?: string | undefined; readonly name: string; readonly data: unknown },
  token: string | undefined,
  signal: AbortSignal | undefined,
) => Promise<JobResult>;

/** Variables that a job process reads before its first job. It then removes them, so programs that a job runs do not inherit them. */
const OWN_VARIABLES = [JOB_PROCESS_VARIABLE, WORKER_KEY_VARIABLE, PASSWORD_VARIABLE];

/**
 * Creates the default export of a job process. The process ends with its worker, even if the worker is killed. A job that was not signed
 * with the worker's key is rejected before any of its files is read.
 *
 * @param bodies by kind of job
 */
export function serveJobs(bodies: Readonly<Record<string, JobBody>>): JobServer {
  const given = jobProcess.parse(JSON.parse(process.env[JOB_PROCESS_VARIABLE] ?? "null"));
  process.on("disconnect", () => process.exit());
  const store = DirectoryStore.open(given.storage);
  const redis = redisAddress(given.redis);
  const key = workerKey();
  for (const name of OWN_VARIABLES) Reflect.deleteProperty(process.env, name);
  return async (job, _token, signal = new AbortController().signal) => {
    const { name, data, id = "" } = job;
    const began = performance.now();
    const made: string[] = [];
    try {
      const body = bodies[name];
      if (body === undefined)
        throw new SlmError(
          "OP_UNSUPPORTED",
          `this worker does not support jobs of kind '${name}', because it has another version`,
        );
      const { signature, ...message } = jobMessage.parse(data);
      requireSignature(key, { part: "job", kind: name, id, body: message }, signature);
      const { run, inputs, settings } = message;
      const files = new SharedFiles(await store, run);
      const copies = new LocalCopies(given.scratch, files);
      const work = async (): Promise<string> => {
        const path = await copies.workDirectory();
        made.push(path);
        return path;
      };
      const { threads, allowed } = given;
      const done = await body({ settings, inputs, files, copies, threads, redis, allowed, signal, work });
      const result = jobResult.parse({ ...done, seconds: (performance.now() - began) / 1000 });
      requireSmall(result, `the result of a job of kind '${name}'`);
      return { ...result, signature: signatureOf(key, { part: "result", kind: name, id, body: result }) };
    } catch (error) {
      // BullMQ stores message and stack in Redis, so both must be short.
      const failure = new Error(failureText(error));
      failure.stack = "";
      // The error name with which BullMQ marks a failure that it must not retry.
      if (error instanceof SlmError && FINAL.has(error.code))
        Object.defineProperty(failure, "name", { value: "UnrecoverableError", enumerable: true });
      throw failure;
    } finally {
      for (const path of made) await removePath(path);
    }
  };
}
