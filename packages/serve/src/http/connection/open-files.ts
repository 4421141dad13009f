/** Limits the number of connections by the system's limit of open files. */
import { SlmError } from "@slm/core";
import { z } from "zod";

/** Files and pipes for the model, threads and system libraries. */
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

/**
 * The soft limit of open files, or Infinity on a system without one.
 *
 * Windows has no such limit, and its report is not read: Node.js then prints the stacks of all threads at once with dbghelp.dll, which is not safe
 * for several threads, and ends with a page fault. Source: SymInitialize of the Windows SDK, "All DbgHelp functions [...] are single threaded".
 */
export function openFilesLimit(platform: NodeJS.Platform = process.platform): number {
  if (platform === "win32") return Infinity;
  const soft = report.safeParse(process.report.getReport()).data?.userLimits?.open_files.soft ?? "unlimited";
  return soft === "unlimited" ? Infinity : soft;
}
