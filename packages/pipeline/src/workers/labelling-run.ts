/** A run of jobs that ask a teacher for texts. Their bodies open it by `withLabellingJob`. */
import { SlmError, type StageContext } from "@slm/core";
import type { CacheConfig } from "@slm/labelling";
import type { EngineName } from "@slm/tensor";
import type { FileRef, JobRunner, JobSpec, SharedFiles } from "@slm/extension-workers";
import { failureError } from "@slm/extension-workers/references";
import { runOptions } from "./run-options.js";

export interface LabellingOptions {
  readonly settings: CacheConfig;
  readonly teacherDirectory: string;
  /** Who labels, and what its answers are identified by. */
  readonly teacherName: string;
  readonly identity: string;
  readonly tokenizerDirectory: string;
  readonly engine: EngineName;
  /** Names the budget that all requests of the run are counted in. */
  readonly budget: string;
  readonly progress: StageContext["progress"];
}

export interface LabellingRun<Work> {
  /** Begins the name of the run; the rest is a hash of `dependsOn` and of who labels. */
  readonly word: string;
  readonly dependsOn: object;
  readonly title: string;
  /** What its jobs do, and to what: a part of the texts each. */
  readonly works: AsyncIterable<Work> | Iterable<Work>;
  readonly jobOf: (work: Work) => Pick<JobSpec, "id" | "kind" | "units"> & { readonly task: Uint8Array };
  /** Name of a job's output. */
  readonly output: string;
  /** Takes the name that a job's work has, and its output. */
  readonly accept: (name: string, bytes: Buffer) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Has all works done by the workers of a queue. @throws SlmError of a job that failed in all its tries; INTERRUPTED */
export async function runLabelling<Work>(
  runner: JobRunner,
  options: LabellingOptions,
  { word, dependsOn, title, works, jobOf, output, accept, signal }: LabellingRun<Work>,
): Promise<void> {
  const { teacherName: name, identity, engine, budget, progress } = options;
  const named = { word, dependsOn: { ...dependsOn, name, identity, engine }, stage: "cache", title };
  const run = runOptions(named, { progress, signal });
  let trees: Readonly<Record<string, FileRef>> | undefined;
  const messageOf =
    (bytes: Uint8Array): JobSpec["message"] =>
    async (files) => {
      trees ??= await sendTrees(files, options);
      const task = await files.putBytes(bytes);
      return { inputs: { ...trees, task }, settings: { engine, name, identity, budget } };
    };
  async function* jobs(): AsyncGenerator<JobSpec> {
    for await (const work of works) {
      const { task, ...job } = jobOf(work);
      yield { ...job, message: messageOf(task) };
    }
  }
  const failed = await runner.run(jobs(), run, async (_job, result, files) => {
    const { name: file } = result.facts;
    if (typeof file !== "string")
      throw new SlmError("DATA_INVALID", "cache: a worker did not name what it worked on");
    await accept(file, await files.getBytes(result.outputs[output]!));
  });
  await runner.end(run.run);
  if (failed.length > 0) throw failureError(failed[0]!);
}

/** Sends what all jobs read. @returns trees by the names of a job's inputs */
async function sendTrees(
  files: SharedFiles,
  { teacherDirectory, tokenizerDirectory }: LabellingOptions,
): Promise<Readonly<Record<string, FileRef>>> {
  return {
    teacher: await files.putTree(teacherDirectory),
    tokenizer: await files.putTree(tokenizerDirectory),
  };
}
