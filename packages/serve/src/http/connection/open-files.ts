/** Limits the number of connections by the system's limit of open files. */
import { SlmError } from "@slm/core";
import { z } from "zod";

/** Files and pipes of the process other than connections: those of the model, threads and system libraries. */
const RESERVED = 128;

const report = z.object({
  userLimits: z
    .object({ open_files: z.object({ soft: z.union([z.number(), z.literal("unlimited")]) }) })
    .optional(),
});

/**
 * Number of connections that the limit allows, at most `wanted`.
 *
 * @throws SlmError USAGE if the limit allows none.
 */
export function connectionsFor(wanted: number, limit: number = openFilesLimit()): number {
  const room = Math.min(wanted, limit - RESERVED);
  if (room > 0) return room;
  throw new SlmError("USAGE", `serve: the limit of ${limit} open files leaves no room for connections`, {
    suggestions: [`ulimit -n ${wanted + RESERVED}`],
  });
}

/** Infinity on a system without such a limit (Windows). */
function openFilesLimit(): number {
  const soft = report.safeParse(process.report.getReport()).data?.userLimits?.open_files.soft ?? "unlimited";
  return soft === "unlimited" ? Infinity : soft;
}
