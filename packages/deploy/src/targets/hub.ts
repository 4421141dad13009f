/** Writes and uploads a bundle in the layout of the Hugging Face hub: files at the root, and the card with the hub's front matter. */
import { openAsBlob } from "node:fs";
import { copyFile, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { guardedFetch, makeFolder, readManifest, writeTextAtomic, SlmError } from "@slm/core";
import { stringify } from "yaml";
import { bundleEntries } from "../bundle/pack.js";

export interface HubOptions {
  /** SPDX identifier or the hub's own name, such as apache-2.0. */
  readonly licence: string;
}

const CARD = "README.md";
/** Default address of the hub. */
const PUBLIC_HUB = "https://huggingface.co";
/** Largest answer to an upload [bytes]. */
const ANSWER_BYTES = 16 * 1024 * 1024;
const REPOSITORY = /^[A-Za-z0-9][A-Za-z0-9._-]{0,95}\/[A-Za-z0-9][A-Za-z0-9._-]{0,95}$/;

/**
 * Writes the layout into a directory. @returns the paths of its files
 *
 * @throws SlmError DATA_INVALID if the bundle does not match its manifest.
 */
export async function writeHubLayout(
  bundle: string,
  output: string,
  { licence }: HubOptions,
): Promise<readonly string[]> {
  const entries = await bundleEntries(bundle);
  const { versions } = await readManifest(bundle);
  const hasGraphs = entries.some(({ path }) => path.endsWith(".onnx"));
  for (const { path } of entries) {
    await makeFolder(dirname(join(output, path)));
    if (path !== CARD) await copyFile(join(bundle, path), join(output, path));
  }
  const front = stringify({
    license: licence,
    library_name: "slm",
    pipeline_tag: "text2text-generation",
    tags: [...(hasGraphs ? ["onnx"] : []), "encoder-decoder", `slm-${versions.slm}`],
  });
  await writeTextAtomic(
    join(output, CARD),
    `---\n${front}---\n\n${await readFile(join(bundle, CARD), "utf8")}`,
  );
  return entries.map(({ path }) => path);
}

export interface HubUpload {
  /** `owner/name` */
  readonly repository: string;
  readonly token: string;
  /** Address of another hub. */
  readonly hubUrl?: string | undefined;
}

export interface HubUploaded {
  readonly url: string;
  readonly commit: string;
}

/** @throws SlmError USAGE for an invalid name. */
export function checkHubRepository(repository: string): void {
  if (REPOSITORY.test(repository)) return;
  throw new SlmError("USAGE", `deploy: expected owner/name, got '${repository}'`, {
    suggestions: ["--repo me/my-model"],
  });
}

/**
 * Uploads a written layout as one commit.
 *
 * @throws SlmError OUTPUT_FAILED if the hub rejects the upload, DEVICE_UNAVAILABLE if it does not answer.
 */
export async function uploadToHub(
  layout: string,
  paths: readonly string[],
  { repository, token, hubUrl }: HubUpload,
): Promise<HubUploaded> {
  checkHubRepository(repository);
  const { HubApiError, uploadFiles } = await import("@huggingface/hub");
  const files = await Promise.all(
    paths.map(async (path) => {
      return { path, content: await openAsBlob(join(layout, path)) };
    }),
  );
  try {
    const { origin } = new URL(hubUrl ?? PUBLIC_HUB);
    const uploaded = await uploadFiles({
      repo: { type: "model", name: repository },
      accessToken: token,
      files,
      commitTitle: "Upload a bundle of slm",
      // Hash in this thread: the library's worker is for browsers only.
      useWebWorkers: false,
      // The library calls fetch with a URL, never with a `Request`.
      fetch: guardedFetch({ origin, maxBytes: ANSWER_BYTES }) as typeof fetch,
      // The Xet protocol would send the user's token to any address that the hub returns.
      useXet: false,
      ...(hubUrl === undefined ? {} : { hubUrl }),
    });
    if (uploaded === undefined)
      throw new SlmError("OUTPUT_FAILED", `hub: ${repository}: the hub made no commit`);
    return { url: uploaded.commit.url, commit: uploaded.commit.oid };
  } catch (cause) {
    if (cause instanceof SlmError) throw cause;
    if (cause instanceof HubApiError) {
      throw new SlmError(
        "OUTPUT_FAILED",
        `hub: ${repository}: rejected (${cause.statusCode}): ${cause.message}`,
        {
          suggestions: ["check that the repository exists and that HF_TOKEN may write to it"],
          cause,
        },
      );
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SlmError("DEVICE_UNAVAILABLE", `hub: ${repository}: ${reason}`, { cause });
  }
}
