/** Creates the bundle to deliver from any MODEL. If MODEL is a bundle, it is copied unchanged. */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ifThere, removePath, readManifest, type Progress } from "@slm/core";
import { copyBundle, deployToDirectory, signBundle, unpackBundle } from "@slm/deploy";
import { SlmError } from "@slm/core/errors";
import type { EngineName } from "@slm/exported-model";
import { abstentionFor } from "@slm/models/abstain";
import { cardOfRun } from "@slm/pipeline/stages/deploy-stage";
import { withRuntime } from "@slm/models/engines";
import { locateModel } from "@slm/models/open";
import { withPreparedModel } from "@slm/models/open";
import { siblingPath, writeStandalone } from "@slm/models/artifacts";

export { siblingPath };

export interface BundleRequest {
  readonly model: string;
  /** Texts of the model card; not used for a bundle. */
  readonly card: Readonly<Partial<Record<"name" | "summary", string>>>;
  /** Private key to sign with. */
  readonly sign: string | undefined;
  /** Rows to choose the bundle's confidence threshold on; rejected for a bundle. */
  readonly abstain?: string | undefined;
  /** What runs the bundle. Default: see `chooseEngine`. */
  readonly engine?: EngineName | undefined;
  readonly threads: number | undefined;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Writes the bundle into a directory. @throws SlmError as locating, exporting, bundling and signing do */
export async function makeBundle(directory: string, request: BundleRequest): Promise<void> {
  const { model, card, sign, abstain, engine, threads, progress, signal } = request;
  const located = await locateModel(model);
  const isDone = located.kind === "packed" || (await isBundle(located.directory));
  if (isDone && abstain !== undefined) {
    throw new SlmError(
      "USAGE",
      `deploy: ${model} is a bundle, and bundles are delivered unchanged; --abstain needs another model`,
      {
        suggestions: ["pass the directory that the bundle was made from, such as RUN/quantize"],
      },
    );
  }
  if (located.kind === "packed") await unpackBundle(located.directory, directory);
  else if (isDone) await copyBundle(located.directory, directory);
  else {
    await withRuntime(threads, (runtime) =>
      withPreparedModel(model, { runtime: () => Promise.resolve(runtime), progress, signal }, (source) =>
        writeStandalone(
          {
            directory,
            kind: "bundle",
            sources: { model: source },
            settings: abstain === undefined ? card : { ...card, abstain },
          },
          async (work) => {
            const abstention =
              abstain === undefined
                ? undefined
                : await abstentionFor(source, { data: abstain }, { threads, signal });
            const { files } = await deployToDirectory({
              model: source,
              outputDirectory: work,
              card: { ...(await cardOfRun(located.directory)), ...card },
              abstention,
              engine,
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
