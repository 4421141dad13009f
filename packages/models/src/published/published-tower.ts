/** Finds published vision towers by the names that a recipe uses. */
import type { PublishedTower, PublishedTowerConfig } from "@slm/distillation";
import {
  resolveCached,
  resolveModel,
  type ExternalCheckpoint,
  importedTowerShape,
  importVisionTower,
  readHuggingFaceDirectory,
  type VisionImportOptions,
} from "@slm/checkpoints";
import type { VisionTower } from "@slm/model";
import { PREPROCESSOR_FILE, readPreprocessorConfig } from "@slm/vision";
import { join } from "node:path";
import type { StageContext } from "@slm/core";
import { useOwnImporters } from "../own-extensions.js";
import { towerFiles } from "./open-external.js";

/** Reads a tower, downloading it if needed.
 *
 * @throws SlmError naming the file, setting or tensor that is missing, corrupt or not supported.
 */
export async function openPublishedTower(
  settings: PublishedTowerConfig,
  context: Pick<StageContext, "progress" | "signal">,
): Promise<PublishedTower> {
  const { path } = await resolveModel(settings.model, context);
  const { external, options } = await openSource(path, settings);
  return { directory: path, ...(await importVisionTower(external, options)) };
}

/** The shape of a tower; undefined if the tower is not downloaded yet. @throws SlmError as {@link openPublishedTower} */
export async function publishedTowerShape(settings: PublishedTowerConfig): Promise<VisionTower | undefined> {
  const found = await resolveCached(settings.model);
  if (found === undefined) return undefined;
  const { external, options } = await openSource(found.path, settings);
  return importedTowerShape(external, options);
}

/** The files of a tower; none if it is not downloaded yet and may not be. */
export async function publishedTowerFiles(
  { model }: PublishedTowerConfig,
  { mayFetch, ...context }: Pick<StageContext, "progress" | "signal"> & { readonly mayFetch: boolean },
): Promise<readonly string[]> {
  const found = await (mayFetch ? resolveModel(model, context) : resolveCached(model));
  return found === undefined ? [] : towerFiles(found.path);
}

async function openSource(
  path: string,
  { features, classToken }: PublishedTowerConfig,
): Promise<{ readonly external: ExternalCheckpoint; readonly options: VisionImportOptions }> {
  await useOwnImporters();
  const { processing } = await readPreprocessorConfig(join(path, PREPROCESSOR_FILE));
  return {
    external: await readHuggingFaceDirectory(path),
    options: { image: processing, classToken, features },
  };
}
