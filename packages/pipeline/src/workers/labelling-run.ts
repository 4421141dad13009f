/** Runs jobs that ask a teacher for texts. Their bodies open the teacher with `withLabellingJob`. */
import { SlmError, type StageContext } from "@slm/core";
import type { CacheConfig } from "@slm/labelling";
import type { EngineName } from "@slm/tensor";
import type { FileRef, JobRunner, JobSpec, SharedFiles } from "@slm/extension-workers";
import { failureError } from "@slm/extension-workers/references";
import { runOptions } from "./run-options.js";

export interface LabellingOptions {
  readonly settings: CacheConfig;
  readonly teacherDirectory: string;
  /** The labeller, and the key that identifies its answers. */
  readonly teacherName: string;
  readonly identity: string;
  readonly tokenizerDirectory: string;
  readonly engine: EngineName;
  /** Name of the budget for all requests of the run. */
  readonly budget: string;
  readonly progress: StageContext["progress"];
}

export interface LabellingRun<Work> {
  /** Prefix of the run's name; the rest is a hash of `dependsOn` and the labeller. */
  readonly word: string;
  readonly dependsOn: object;
  readonly title: string;
  /** The jobs: their kind, and the part of the texts for each. */
  readonly works: AsyncIterable<Work> | Iterable<Work>;
  readonly jobOf: (work: Work) => Pick<JobSpec, "id" | "kind" | "units"> & { readonly task: Uint8Array };
  /** Name of a job's output. */
  readonly output: string;
  /** Called with the name of a job's work, and its output. */
  readonly accept: (name: string, bytes: Buffer) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Runs all works on the workers of a queue. @throws SlmError if a job failed in all attempts; INTERRUPTED */
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
      throw new SlmError("DATA_INVALID", "cache: a worker's result does not name its job");
    await accept(file, await files.getBytes(result.outputs[output]!));
  });
  await runner.end(run.run);
  if (failed.length > 0) throw failureError(failed[0]!);
}

/** Sends the inputs of all jobs. @returns trees by the names of a job's inputs */
async function sendTrees(
  files: SharedFiles,
  { teacherDirectory, tokenizerDirectory }: LabellingOptions,
): Promise<Readonly<Record<string, FileRef>>> {
  return {
    teacher: await files.putTree(teacherDirectory),
    tokenizer: await files.putTree(tokenizerDirectory),
  };
}
