/** Finds the finished stages of a run that belong together, and the run's names. */
import { MANIFEST_FILE, contentHash, readManifest, type Manifest } from "@slm/core";
import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { STAGE_NAMES } from "../stage/stage-names.js";
import type { RunAbout } from "../stage/stage.js";

export interface RunArtifacts {
  readonly about: RunAbout;
  /** Directories by stage. */
  readonly directories: Readonly<Record<string, string>>;
  readonly manifests: Readonly<Partial<Record<string, Manifest>>>;
}

/**
 * The artifacts of a run that belong together. An artifact made from an earlier version of its input is left out, so that a report never
 * mixes figures of two models.
 *
 * @throws SlmError DATA_INVALID for a corrupt manifest
 */
export async function readRunArtifacts(root: string): Promise<RunArtifacts> {
  const manifests: Partial<Record<string, Manifest>> = {};
  for (const stage of STAGE_NAMES) {
    const directory = join(root, stage);
    if (!existsSync(join(directory, MANIFEST_FILE))) continue;
    const manifest = await readManifest(directory);
    const isCurrent = manifest.inputs
      .filter(({ kind }) => kind !== "file")
      .every(({ name, sha256 }) => {
        const read = manifests[name];
        return read !== undefined && contentHash(read) === sha256;
      });
    if (isCurrent) manifests[stage] = manifest;
  }
  const stages = Object.keys(manifests);
  return {
    about: aboutOf(basename(resolve(root)), manifests.deploy?.settings),
    directories: Object.fromEntries(stages.map((stage) => [stage, join(root, stage)])),
    manifests,
  };
}

const named = z.looseObject({ name: z.string() });

/** @param deploy settings of stage deploy; undefined if the run has none */
export function aboutOf(run: string, deploy: unknown): RunAbout {
  return { task: named.safeParse(deploy).data?.name ?? run, run };
}
