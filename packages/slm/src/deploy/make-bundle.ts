/** Creates the bundle to deliver from any MODEL. If MODEL is a bundle, it is copied unchanged. */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ifThere, removePath, readManifest, type Progress } from "@slm/core";
import { copyBundle, deployToDirectory, signBundle, unpackBundle } from "@slm/deploy";
import { cardOfRun } from "@slm/pipeline/stages/deploy-stage";
import { withRuntime } from "@slm/pipeline/compute/open-engine";
import { locateModel } from "@slm/pipeline/models/locate-model";
import { withModel } from "@slm/pipeline/models/open-exported";
import { writeStandalone } from "../models/standalone-artifact.js";

export interface BundleRequest {
  readonly model: string;
  /** Texts of the model card; not used for a bundle. */
  readonly card: Readonly<Partial<Record<"name" | "summary", string>>>;
  /** Private key to sign with. */
  readonly sign: string | undefined;
  readonly threads: number | undefined;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Writes the bundle into a directory. @throws SlmError as locating, exporting, bundling and signing do */
export async function makeBundle(directory: string, request: BundleRequest): Promise<void> {
  const { model, card, sign, threads, progress, signal } = request;
  const located = await locateModel(model);
  if (located.kind === "packed") await unpackBundle(located.directory, directory);
  else if (await isBundle(located.directory)) await copyBundle(located.directory, directory);
  else {
    await withRuntime(threads, (runtime) =>
      withModel(model, { runtime: () => Promise.resolve(runtime), progress, signal }, (source) =>
        writeStandalone(
          { directory, kind: "bundle", sources: { model: source }, settings: card },
          async (work) => {
            const { files } = await deployToDirectory({
              model: source,
              outputDirectory: work,
              card: { ...(await cardOfRun(located.directory)), ...card },
            });
            return { files };
          },
        ),
      ),
    );
  }
  if (sign !== undefined) await signBundle(directory, sign);
}

/** Runs `body` on a temporary bundle. */
export async function withBundle<Result>(
  request: BundleRequest,
  body: (directory: string) => Promise<Result>,
): Promise<Result> {
  const root = await mkdtemp(join(tmpdir(), "slm-deploy-"));
  try {
    const directory = join(root, "bundle");
    await makeBundle(directory, request);
    return await body(directory);
  } finally {
    await removePath(root);
  }
}

async function isBundle(directory: string): Promise<boolean> {
  const manifest = await ifThere(readManifest(directory));
  return manifest?.kind === "bundle";
}
