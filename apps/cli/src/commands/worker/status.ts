import type { WorkersStatus } from "@slm/workers";
import { columns } from "../../ui/columns.js";
import { redisFlag } from "../../workers/redis-flag.js";
import { SlmCommand } from "../../slm-command.js";

export class WorkerStatusCommand extends SlmCommand<WorkersStatus> {
  static override summary = "Show the workers of a Redis, the runs that they work on, and the queue.";
  static override flags = { redis: redisFlag };
  static override examples = ["<%= config.bin %> worker status --redis redis://queue.example:6379"];

  protected override async execute(): Promise<WorkersStatus> {
    const { flags } = await this.parse(WorkerStatusCommand);
    const { readStatus, redisAddress } = await import("@slm/workers");
    return readStatus(redisAddress(flags.redis));
  }

  protected override lines({ workers, runs, jobs }: WorkersStatus): readonly string[] {
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
}
