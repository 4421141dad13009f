/** Finds published vision towers by the names that a recipe uses. */
import type { PublishedTower } from "@slm/distillation";
import {
  resolveCached,
  resolveModel,
  type ExternalCheckpoint,
  importedTowerShape,
  importVisionTower,
  readHuggingFaceDirectory,
} from "@slm/checkpoints";
import type { VisionTower } from "@slm/model";
import { PREPROCESSOR_FILE, readPreprocessorConfig, type ImageProcessing } from "@slm/vision";
import { join } from "node:path";
import type { StageContext } from "@slm/core";
import { useOwnImporters } from "../own-extensions.js";
import { towerFiles } from "./open-external.js";

/** Reads a tower, downloading it if needed.
 *
 * @throws SlmError naming the file, setting or tensor that is missing, corrupt or not supported.
 */
export async function openPublishedTower(
  model: string,
  context: Pick<StageContext, "progress" | "signal">,
): Promise<PublishedTower> {
  const { path } = await resolveModel(model, context);
  const { external, image } = await openSource(path);
  return { directory: path, ...(await importVisionTower(external, image)) };
}

/** The shape of a tower; undefined if the tower is not downloaded yet. @throws SlmError as {@link openPublishedTower} */
export async function publishedTowerShape(model: string): Promise<VisionTower | undefined> {
  const found = await resolveCached(model);
  if (found === undefined) return undefined;
  const { external, image } = await openSource(found.path);
  return importedTowerShape(external, image);
}

/** The files of a tower; none if it is not downloaded yet and may not be. */
export async function publishedTowerFiles(
  model: string,
  { mayFetch, ...context }: Pick<StageContext, "progress" | "signal"> & { readonly mayFetch: boolean },
): Promise<readonly string[]> {
  const found = await (mayFetch ? resolveModel(model, context) : resolveCached(model));
  return found === undefined ? [] : towerFiles(found.path);
}

async function openSource(
  path: string,
): Promise<{ readonly external: ExternalCheckpoint; readonly image: ImageProcessing }> {
  await useOwnImporters();
  const { processing } = await readPreprocessorConfig(join(path, PREPROCESSOR_FILE));
  return { external: await readHuggingFaceDirectory(path), image: processing };
}
