/** A static site that answers with the bundle in the browser: the built page, the bundle, and the list of what to keep offline. */
import { copyFile, cp, mkdir, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { hashJson, readManifest, writeJsonAtomic } from "@slm/core";
import { readDeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { TARGETS, deviceOf } from "@slm/devices/table";
import { bundleEntries } from "../bundle/pack.js";

/** What the page reads first: what to load, how large it is, and the version its cache goes by. */
export const SITE_FILE = "site.json";

export interface WebSiteOptions {
  /** Directory of the built page. */
  readonly page: string;
  /** Heading of the page. */
  readonly title: string;
}

const FOR_BROWSERS = TARGETS.filter((target) => deviceOf("deploy", target).runtimes.includes("web"));

/**
 * Writes the site. Serve it from any static host; `https` or `localhost` is needed to work offline.
 *
 * @throws SlmError INPUT_MISSING if the page has not been built; OP_UNSUPPORTED for a model for other devices.
 */
export async function writeWebSite(
  bundle: string,
  output: string,
  { page, title }: WebSiteOptions,
): Promise<readonly string[]> {
  const model = await readDeviceModel(bundle);
  if (model.static !== undefined || !FOR_BROWSERS.includes(model.target)) {
    throw new SlmError(
      "OP_UNSUPPORTED",
      `deploy: a browser runs models for ${FOR_BROWSERS.join(" and ")}, this one is for ${model.target}`,
      {
        suggestions: ["slm export CHECKPOINT --target web"],
      },
    );
  }
  const pageFiles = await readdir(page, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw new SlmError("INPUT_MISSING", `deploy: the page has not been built: no ${page}`, {
      suggestions: ["npm run build"],
      cause,
    });
  });
  const entries = await bundleEntries(bundle);
  await mkdir(output, { recursive: true });
  await cp(page, output, { recursive: true });
  for (const { path } of entries) {
    const target = join(output, "model", path);
    await mkdir(dirname(target), { recursive: true });
    await copyFile(join(bundle, path), target);
  }
  const shell = pageFiles
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(page.length + 1)
        .replaceAll("\\", "/"),
    )
    .sort();
  const { outputs } = await readManifest(bundle);
  const files = outputs.map(({ path, bytes, sha256 }) => ({ path: `model/${path}`, bytes, sha256 }));
  await writeJsonAtomic(join(output, SITE_FILE), {
    schemaVersion: 1,
    title,
    version: hashJson({ shell, files }),
    shell,
    files,
  });
  return [...shell, ...files.map(({ path }) => path), SITE_FILE];
}
