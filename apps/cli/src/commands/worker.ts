import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Flags } from "@oclif/core";
import { SlmError } from "@slm/core/errors";
import type { WorkerReport, WorkersStatus } from "@slm/extension-workers";
import { threadsFlag } from "../flags/recipe-flags.js";
import { SlmCommand } from "../ui/slm-command.js";
import { columns } from "@slm/pipeline/format/columns";
import { insecureFlag, redisFlag, storageFlag } from "../flags/workers-flags.js";

export class WorkerCommand extends SlmCommand<WorkerReport | WorkersStatus> {
  static override summary = "Work on the jobs of other runs: join the workers of a Redis.";
  static override description =
    "Caches of teachers and other work that was started with --workers is done by all workers of the Redis. SIGTERM and SIGINT finish the " +
    "jobs at hand and end with exit code 0. The jobs of a worker that is killed are done by others. Passwords are read from " +
    "SLM_REDIS_PASSWORD, the key that signs jobs from SLM_WORKER_KEY, credentials of S3 from AWS's own variables; none is written into jobs or logs. A job " +
    "runs no program and reads no key of a server unless --allow-command and --api-key-env allow it.";
  static override flags = {
    redis: redisFlag,
    status: Flags.boolean({
      summary: "Show the workers of the Redis, the runs that they work on and the queue, and end.",
    }),
    storage: storageFlag,
    concurrency: Flags.integer({
      min: 1,
      max: 256,
      default: 1,
      helpValue: "<n>",
      summary: "Jobs at once, each in a process of its own.",
    }),
    threads: threadsFlag,
    scratch: Flags.string({
      helpValue: "<dir>",
      summary: "Directory for copies of models. Default: workers in the user's cache folder.",
    }),
    "allow-command": Flags.boolean({
      default: false,
      summary:
        "Let jobs run the programs that a recipe's teacher.kind 'command' names, as the user of this worker.",
    }),
    "api-key-env": Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: "<NAME=ORIGIN>",
      summary:
        "A variable with the key of a teacher's server, and the only server that it is sent to, such as OPENAI_API_KEY=https://api.openai.com; repeatable.",
    }),
    insecure: insecureFlag,
    "takeover-after": Flags.integer({
      min: 1,
      max: 3600,
      default: 30,
      helpValue: "<s>",
      summary: "Take over the jobs of a worker that has been silent for this long [s].",
    }),
    "metrics-port": Flags.integer({
      min: 0,
      max: 65_535,
      helpValue: "<n>",
      summary: "Serve metrics for Prometheus at /metrics of this port; 0 takes a free one.",
    }),
    "metrics-host": Flags.string({
      default: "127.0.0.1",
      helpValue: "<address>",
      summary: "Address that --metrics-port listens on; 0.0.0.0 lets other machines read the metrics.",
    }),
  };
  static override examples = [
    "<%= config.bin %> worker --redis redis://queue.example:6379 --storage /mnt/shared",
    "<%= config.bin %> worker --redis redis://queue.example:6379 --storage /mnt/shared --api-key-env OPENAI_API_KEY=https://api.openai.com",
    "<%= config.bin %> worker --redis redis://queue.example:6379 --status",
    "<%= config.bin %> worker --redis rediss://queue.example:6380 --storage s3://bucket/slm --concurrency 4",
  ];

  protected override readonly stopping = "taking no further jobs, finishing those at hand";

  protected override async execute(): Promise<WorkerReport | WorkersStatus> {
    const { flags } = await this.parse(WorkerCommand);
    const { parseApiKey, readStatus, redisAddress, runWorker } = await import("@slm/extension-workers");
    if (flags.status) return readStatus(redisAddress(flags.redis));
    const { storage, concurrency, scratch } = flags;
    if (storage === undefined)
      throw new SlmError(
        "USAGE",
        "worker: --storage is missing: the directory or bucket that all workers share",
        {
          suggestions: ["--storage /mnt/shared", "--storage s3://bucket/prefix"],
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
      metrics:
        flags["metrics-port"] === undefined
          ? undefined
          : { host: flags["metrics-host"], port: flags["metrics-port"] },
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
