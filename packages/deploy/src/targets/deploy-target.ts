/** Deploy targets, which extensions can add. */
import { ExtensionTable } from "@slm/core";

export interface DeployRequest {
  /** Directory of a verified bundle. */
  readonly bundle: string;
  /** `--output`. Default: MODEL with the name of the target as a suffix. */
  readonly output: string;
  /** `--name`. */
  readonly name: string | undefined;
  /** Prepare everything, but send nothing. */
  readonly dryRun: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** Prints a line for the user. */
  readonly note: (text: string) => void;
}

export interface DeployTarget {
  /** Delivers a bundle. @returns its destination: a path, an address or a device */
  readonly deliver: (request: DeployRequest) => Promise<{ readonly bundle: string }>;
}

/** Deploy targets by name; extensions add them. */
export const DEPLOY_TARGETS = new ExtensionTable<DeployTarget>("deployTargets", {});
