/** Has the blocks of a labelling made by workers. */
import { hashJson, SlmError, type StageContext } from "@slm/core";
import { encodeBlockTask, type BlockMaker, type CacheConfig, type CacheRowKind } from "@slm/teacher";
import type { EngineName } from "@slm/tensor";
import { failureError, type FileRef, type JobRunner, type JobSpec } from "@slm/workers";
import { JOB_KINDS } from "./job-kinds.js";

export interface BlockMakerOptions {
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

/** Blocks by the workers of a queue. @throws SlmError as `BlockMaker`, and that of a job that failed in all its tries */
export function blockMaker(runner: JobRunner, options: BlockMakerOptions, kind: CacheRowKind): BlockMaker {
  return {
    make: async ({ blocks, accept, signal, seed }) => {
      const { settings, teacherName: name, identity, engine, progress, budget } = options;
      const run = `label-${hashJson({ kind, settings, seed, name, identity, engine }).slice(0, 32)}`;
      const note = (message: string): void => {
        progress({ stage: "cache", message, isNote: true });
      };
      let trees: Readonly<Record<string, FileRef>> | undefined;
      let isAny = false as boolean;
      async function* jobs(): AsyncGenerator<JobSpec> {
        for await (const work of blocks) {
          isAny = true;
          yield {
            id: `block-${work.block}`,
            kind: JOB_KINDS.labelBlock,
            units: work.sources.length,
            message: async (files) => {
              trees ??= {
                teacher: await files.putTree(options.teacherDirectory),
                tokenizer: await files.putTree(options.tokenizerDirectory),
                ...(await otherTrees(settings, (directory) => files.putTree(directory))),
              };
              const task = await files.putBytes(encodeBlockTask(work, { kind, settings, seed }));
              return { inputs: { ...trees, task }, settings: { engine, name, identity, budget } };
            },
          };
        }
      }
      const failed = await runner.run(
        jobs(),
        { run, title: `labels (${kind})`, signal, note },
        async (_job, result, files) => {
          const { name: file } = result.facts;
          if (typeof file !== "string")
            throw new SlmError("DATA_INVALID", "cache: a worker did not name its block");
          await accept(file, (await files.getBytes(result.outputs["block"]!)).toString("utf8"));
        },
      );
      if (isAny) await runner.end(run);
      if (failed.length > 0) throw failureError(failed[0]!);
    },
  };
}

/** Trees of the further teachers that must agree, by the names of a job's inputs. */
async function otherTrees(
  { unlabelled: { agreement } }: CacheConfig,
  put: (directory: string) => Promise<FileRef>,
): Promise<Readonly<Record<string, FileRef>>> {
  const trees: Record<string, FileRef> = {};
  for (const [index, directory] of (agreement?.teachers ?? []).entries())
    trees[`other-${index}`] = await put(directory);
  return trees;
}
