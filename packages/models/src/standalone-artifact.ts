/** Writes artifacts of commands that run outside a recipe. They have the same manifest, and are also written atomically. */
import {
  SLM_VERSION,
  artifactInput,
  hashJson,
  knownHash,
  readFailure,
  requireIntact,
  writeArtifact,
  type ArtifactKind,
  type ManifestInput,
  type Origin,
} from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";

export interface StandaloneArtifact {
  readonly directory: string;
  readonly kind: ArtifactKind;
  /** Input directories or files, by role. */
  readonly sources: Readonly<Record<string, string>>;
  /** The flags. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly seed?: number;
}

/** Writes an artifact directory atomically. @throws SlmError as `writeArtifact` */
export async function writeStandalone<Details extends object>(
  { directory, kind, sources, settings, seed = 1 }: StandaloneArtifact,
  fill: (work: string) => Promise<Details>,
): Promise<Details> {
  const inputs = await Promise.all(
    Object.entries(sources).map(([name, source]) => describeSource(name, source)),
  );
  const origins = Object.keys(settings).map((name): [string, Origin] => [name, "flag"]);
  const { details } = await writeArtifact(
    {
      directory,
      kind,
      key: hashJson({ slm: SLM_VERSION, kind, settings, inputs, seed }),
      inputs,
      settings,
      origins: Object.fromEntries(origins),
      seed,
      // A failed command leaves no files.
      isResumable: false,
    },
    fill,
  );
  return details;
}

/** The default path of a command's result: `runs/x/distill` and `cpu` give `runs/x/distill-cpu`. */
export function siblingPath(path: string, suffix: string): string {
  const full = resolve(path);
  const sibling = join(dirname(full), `${basename(full)}-${suffix}`);
  return relative(process.cwd(), sibling).startsWith("..") ? sibling : relative(process.cwd(), sibling);
}

/** Hashes an input: the manifest of an artifact, the files of another directory, or the contents of a file. @throws SlmError DATA_INVALID for a corrupt artifact */
async function describeSource(name: string, directory: string): Promise<ManifestInput> {
  const found = await stat(directory).catch((cause: unknown) => {
    throw readFailure(cause, directory);
  });
  await requireIntact(directory);
  if (found.isFile()) return { name, kind: "file", sha256: await knownHash(directory) };
  try {
    return await artifactInput(name, directory);
  } catch (error) {
    if (!(error instanceof SlmError)) throw error;
  }
  const hashes: (readonly [string, string])[] = [];
  for (const file of (await readdir(directory)).sort()) {
    const path = join(directory, file);
    if ((await stat(path)).isFile()) hashes.push([file, await knownHash(path)]);
  }
  return { name, kind: "file", sha256: hashJson(hashes) };
}
