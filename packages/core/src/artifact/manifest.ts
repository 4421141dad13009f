/** `manifest.json`: the kind of an artifact directory, what created it, and the hash of every file in it. */
import { ifThere } from "../files/presence.js";
import { join } from "node:path";
import { z } from "zod";
import { INDEX_FILE } from "./folder-index.js";
import { hashJson } from "../hashes/hash.js";
import { pathsProblem, relativePath } from "../files/relative-path.js";
import { parseJsonText, readTextFile } from "../files/read-json.js";
import { requireSealed, writeSealedJson } from "../hashes/sealed-json.js";

/** Name of the file with the {@link Manifest}. */
export const MANIFEST_FILE = "manifest.json";

/** Name of the file with the signature of the manifest. It is in the same directory and not listed in the manifest. */
export const SIGNATURE_FILE = "manifest.sig.json";

/** Kinds of artifacts. */
const ARTIFACT_KINDS = [
  "data",
  "tokenizer",
  "teacher",
  "cache",
  "checkpoint",
  "export",
  "quantized",
  "compiled",
  "bench",
  "bundle",
] as const;
export type ArtifactKind = (typeof ARTIFACT_KINDS)[number];

/** Origins of a setting's value, strongest first. */
const ORIGINS = ["flag", "env", "recipe", "default"] as const;
export type Origin = (typeof ORIGINS)[number];

const digest = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits");

const outputFile = z.strictObject({
  path: relativePath.describe("Relative to the directory, with forward slashes."),
  bytes: z.int().nonnegative().describe("Size [bytes]."),
  sha256: digest,
  isIndex: z
    .literal(true)
    .optional()
    .describe(
      "Whether this file lists the other files of its folder with their hashes, one per line. The manifest does not list them.",
    ),
  isRecord: z
    .literal(true)
    .optional()
    .describe("Whether this file records times and speeds of the run. Such files do not count as content."),
});

const input = z.strictObject({
  name: z.string().min(1).describe("The stage that made the input, or the setting that names the file."),
  kind: z.enum([...ARTIFACT_KINDS, "file"]),
  sha256: digest.describe("Hash of an artifact's content, see contentHash, or of a file's bytes."),
});

export const manifestSchema = z.strictObject({
  schemaVersion: z.literal(1),
  kind: z.enum(ARTIFACT_KINDS),
  key: z
    .string()
    .min(1)
    .describe("Hash of inputs, settings, seed and code version. A stage with the same key is skipped."),
  inputs: z.array(input),
  outputs: z.array(outputFile).superRefine((outputs, context) => {
    const collision = pathsProblem(outputs.map(({ path }) => path));
    if (collision !== undefined)
      context.addIssue({
        code: "custom",
        path: [collision.index, "path"],
        message: `'${outputs[collision.index]?.path ?? ""}': ${collision.problem}`,
      });
    for (const [index, { path }] of outputs.entries()) {
      if (path === MANIFEST_FILE || path === SIGNATURE_FILE)
        context.addIssue({
          code: "custom",
          path: [index, "path"],
          message: "the manifest cannot list itself or its signature",
        });
      if (outputs[index]?.isIndex === true && path.split("/").at(-1) !== INDEX_FILE)
        context.addIssue({
          code: "custom",
          path: [index, "isIndex"],
          message: `'${path}': a list of files must be named ${INDEX_FILE}`,
        });
    }
  }),
  settings: z.json().describe("The resolved settings of the stage."),
  origins: z.record(z.string(), z.enum(ORIGINS)).describe("Dotted key of a setting -> origin of its value."),
  seed: z.int(),
  versions: z.strictObject({ slm: z.string(), node: z.string(), platform: z.string() }),
  createdAt: z.iso.datetime(),
  details: z.record(z.string(), z.json()).describe("The stage's report."),
  checksum: digest
    .optional()
    .describe(
      "SHA-256 of this file, computed with zeros in place of these digits. Absent in manifests of earlier versions.",
    ),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type ManifestInput = z.infer<typeof input>;
export type ManifestFile = z.infer<typeof outputFile>;

const MANIFEST_LIMIT_BYTES = 64 * 1024 * 1024;

/** Writes the manifest of a directory, with its checksum. @throws SlmError OUTPUT_FAILED */
export async function writeManifest(directory: string, manifest: Manifest): Promise<void> {
  await writeSealedJson(join(directory, MANIFEST_FILE), manifest);
}

/**
 * Reads the manifest of an artifact directory.
 *
 * @throws SlmError INPUT_MISSING if the directory has none; DATA_INVALID if it is not a manifest of this version, names a path outside the
 * directory, or does not match its checksum.
 */
export async function readManifest(directory: string): Promise<Manifest> {
  const path = join(directory, MANIFEST_FILE);
  const text = await readTextFile(path, {
    limitBytes: MANIFEST_LIMIT_BYTES,
    suggestions: ["slm run RECIPE"],
  });
  return parseManifestText(text, path);
}

/** Keys of every manifest. A single wrong byte destroys at most one of them, so a corrupt manifest is not mistaken for another program's file. */
const OWN_KEYS = ['"schemaVersion"', '"outputs"', '"origins"'];

/** The text of a directory's manifest; undefined if there is none, or if another program's file has this name. */
export async function ownManifestText(directory: string): Promise<string | undefined> {
  const path = join(directory, MANIFEST_FILE);
  const text = await ifThere(readTextFile(path, { limitBytes: MANIFEST_LIMIT_BYTES }));
  return text !== undefined && OWN_KEYS.some((key) => text.includes(key)) ? text : undefined;
}

/** Parses the text of a manifest. @param path its name in errors. @throws SlmError DATA_INVALID as {@link readManifest} */
export function parseManifestText(text: string, path: string): Manifest {
  const manifest = parseJsonText(text, manifestSchema, path);
  if (manifest.checksum !== undefined) requireSealed(text, path);
  return manifest;
}

/**
 * Hash of a directory's content: its kind and the hashes of its files, except files that record times and speeds. It does not depend on
 * times and versions, so later stages stay valid if a repeated stage has the same output.
 */
export function contentHash(manifest: Pick<Manifest, "kind" | "outputs">): string {
  const outputs = manifest.outputs
    .filter(({ isRecord }) => isRecord !== true)
    .map(({ path, sha256 }) => ({ path, sha256 }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  return hashJson({ kind: manifest.kind, outputs });
}

/** Describes an artifact directory as an input of a later stage. @throws SlmError INPUT_MISSING, DATA_INVALID */
export async function artifactInput(name: string, directory: string): Promise<ManifestInput> {
  const manifest = await readManifest(directory);
  return { name, kind: manifest.kind, sha256: contentHash(manifest) };
}
