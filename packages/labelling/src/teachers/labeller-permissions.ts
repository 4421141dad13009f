/** Permissions of a teacher's directory that came from another machine. */
import { SlmError } from "@slm/core";
import type { ApiFile } from "../api/api-file.js";
import type { CommandFile } from "../command/command-file.js";

export interface LabellerPermissions {
  /** Whether it may run programs. */
  readonly commands: boolean;
  /** Environment variables with keys that it may read, and the origin that each key may be sent to. */
  readonly apiKeys: readonly { readonly name: string; readonly origin: string }[];
}

/** @param permissions undefined: the directory is the user's own @throws SlmError CONFIG_INVALID */
export function requireCommandAllowed(
  { command }: CommandFile,
  permissions: LabellerPermissions | undefined,
): void {
  if (permissions === undefined || permissions.commands) return;
  throw new SlmError(
    "CONFIG_INVALID",
    `teacher: the job's teacher is the program ${JSON.stringify(command[0])}, but this worker does not run programs`,
    { suggestions: ["start the worker with --allow-command if you trust the run"] },
  );
}

/** @param permissions undefined: the directory is the user's own @throws SlmError CONFIG_INVALID */
export function requireKeyAllowed(
  { limits, request }: ApiFile,
  permissions: LabellerPermissions | undefined,
): void {
  const { apiKeyEnv } = limits;
  if (permissions === undefined || apiKeyEnv === undefined) return;
  const { origin } = new URL(request.baseUrl);
  if (permissions.apiKeys.some((allowed) => allowed.name === apiKeyEnv && allowed.origin === origin)) return;
  throw new SlmError(
    "CONFIG_INVALID",
    `teacher: this worker may not send the key of the variable ${apiKeyEnv} to ${origin}`,
    { suggestions: [`start the worker with --api-key-env ${apiKeyEnv}=${origin}, if you trust the run`] },
  );
}
