/** The system's limit of open files, which bounds the number of connections. */
import { SlmError } from "@slm/core";
import { z } from "zod";

/** Files and pipes of the process besides its connections: the model's, those of threads and of the system's libraries. */
const RESERVED = 128;

const report = z.object({
  userLimits: z
    .object({ open_files: z.object({ soft: z.union([z.number(), z.literal("unlimited")]) }) })
    .optional(),
});

/**
 * Number of connections for which there are files: `wanted`, or what the system's limit leaves.
 *
 * @throws SlmError USAGE if the limit leaves none.
 */
export function connectionsFor(wanted: number, limit: number = openFilesLimit()): number {
  const room = Math.min(wanted, limit - RESERVED);
  if (room > 0) return room;
  throw new SlmError("USAGE", `serve: the limit of ${limit} open files leaves no room for connections`, {
    suggestions: [`ulimit -n ${wanted + RESERVED}`],
  });
}

/** Infinity where the system has no such limit (Windows). */
function openFilesLimit(): number {
  const soft = report.safeParse(process.report.getReport()).data?.userLimits?.open_files.soft ?? "unlimited";
  return soft === "unlimited" ? Infinity : soft;
}
