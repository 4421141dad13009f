import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Flags } from "@oclif/core";
import { SlmError } from "@slm/core/errors";
import type { WorkerReport, WorkersStatus } from "@slm/extension-workers";
import { threadsFlag } from "../flags/recipe-flags.js";
import { SlmCommand } from "../ui/slm-command.js";
import { columns } from "@slm/core/format";
import { insecureFlag, redisFlag, storageFlag } from "../flags/workers-flags.js";

export class WorkerCommand extends SlmCommand<WorkerReport | WorkersStatus> {
  static override summary = "Run jobs of commands with --workers, from a Redis server.";
  static override description =
    "Workers on the same Redis server share the jobs of all commands with --workers. On SIGTERM and SIGINT, a worker finishes its current " +
    "jobs and exits with code 0. If a worker is killed, other workers repeat its jobs. The password is read from SLM_REDIS_PASSWORD, the key " +
    "that signs jobs from SLM_WORKER_KEY. Neither is written into jobs or logs. A job can run programs only with --allow-command, and " +
    "use a server's API key only with --api-key-env.";
  static override flags = {
    redis: redisFlag,
    status: Flags.boolean({
      summary: "Show the workers, the runs that they work on and the queue, and exit.",
    }),
    storage: storageFlag,
    concurrency: Flags.integer({
      min: 1,
      max: 256,
      default: 1,
      helpValue: "<n>",
      summary: "Run this many jobs at once, each in its own process.",
    }),
    threads: threadsFlag,
    scratch: Flags.string({
      helpValue: "<dir>",
      summary: "Store copies of models in this directory. Default: workers in the user's cache folder.",
    }),
    "allow-command": Flags.boolean({
      default: false,
      summary: "Let jobs run the programs of teachers of kind 'command', with this worker's user.",
    }),
    "api-key-env": Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: "<NAME=ORIGIN>",
      summary:
        "Send the API key in this variable only to this teacher's server: OPENAI_API_KEY=https://api.openai.com; repeatable.",
    }),
    insecure: insecureFlag,
    "takeover-after": Flags.integer({
      min: 1,
      max: 3600,
      default: 30,
      helpValue: "<s>",
      summary: "Take over the jobs of a worker that has been silent for this long [s].",
    }),
  };
  static override examples = [
    "<%= config.bin %> worker --redis redis://queue.example:6379 --storage /mnt/shared",
    "<%= config.bin %> worker --redis redis://queue.example:6379 --storage /mnt/shared --api-key-env OPENAI_API_KEY=https://api.openai.com",
    "<%= config.bin %> worker --redis redis://queue.example:6379 --status",
    "<%= config.bin %> worker --redis rediss://queue.example:6380 --storage /mnt/shared --concurrency 4",
  ];

  protected override readonly stopping = "taking no more jobs, finishing the current ones";

  protected override async execute(): Promise<WorkerReport | WorkersStatus> {
    const { flags } = await this.parse(WorkerCommand);
    const { parseApiKey, readStatus, redisAddress, runWorker } = await import("@slm/extension-workers");
    if (flags.status) return readStatus(redisAddress(flags.redis));
    const { storage, concurrency, scratch } = flags;
    if (storage === undefined)
      throw new SlmError(
        "USAGE",
        "worker: --storage is missing; expected the directory that all workers share",
        {
          suggestions: ["--storage /mnt/shared"],
        },
      );
    const { userCacheFolder } = await import("@slm/core");
    const { JOB_PROCESS_FILE } = await import("@slm/slm/job-process-file");
    return runWorker({
      redis: redisAddress(flags.redis),
      storage,
      scratch: scratch ?? join(userCacheFolder(), "workers"),
      processFile: JOB_PROCESS_FILE,
      concurrency,
      threads: flags.threads ?? Math.max(1, Math.floor(availableParallelism() / concurrency)),
      takeoverSeconds: flags["takeover-after"],
      allowed: {
        commands: flags["allow-command"],
        apiKeys: (flags["api-key-env"] ?? []).map(parseApiKey),
      },
      insecure: flags.insecure,
      signal: this.signal,
      note: (text) => {
        this.note(text);
      },
    });
  }

  protected override lines(result: WorkerReport | WorkersStatus): readonly string[] {
    if ("workers" in result) return statusLines(result);
    const { id, done, failed, units, busySeconds } = result;
    const rate = busySeconds === 0 ? 0 : units / busySeconds;
    return [
      `${id}: ${done} jobs done, ${failed} tries failed, ${units} units, ${rate.toPrecision(3)} units/s while busy`,
    ];
  }
}

function statusLines({ workers, runs, jobs }: WorkersStatus): readonly string[] {
  return [
    ...columns(
      ["worker", "state", "jobs", "done", "failed", "units/s", "device"],
      workers.map(({ id, state, active, done, failed, units, busySeconds, device, threads }) => [
        id,
        state,
        String(active.length),
        String(done),
        String(failed),
        busySeconds === 0 ? "" : (units / busySeconds).toPrecision(3),
        `${device}, ${threads} ${threads === 1 ? "thread" : "threads"}`,
      ]),
    ),
    "",
    ...columns(
      ["run", "what", "done", "of", "begun"],
      runs.map(({ run, title, done, total, startedAt }) => [
        run,
        title,
        String(done),
        String(total),
        startedAt,
      ]),
    ),
    "",
    Object.entries(jobs)
      .map(([state, count]) => `${state} ${count}`)
      .join("  "),
  ];
}
