/** Images of the rows of a file. Their paths are relative to the file's folder; images are read when needed. */
import { realpath } from "node:fs/promises";
import { sep } from "node:path";
import { resolveInside } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { imageOfFile, type ImageSource } from "@slm/vision";

/** The image of a row. Reading it @throws SlmError DATA_INVALID if the path leads out of the folder, also through a link; INPUT_MISSING */
export const rowImage = (folder: string, path: string): ImageSource => ({
  find: async () => imageOfFile(await pathInside(folder, path)).find(),
});

/** Path of a row's image. @throws SlmError as reading a {@link rowImage} */
export async function pathInside(folder: string, path: string): Promise<string> {
  const file = resolveInside(folder, path);
  const [root, real] = await Promise.all([realpath(folder), realpath(file)]).catch((cause: unknown) => {
    throw new SlmError("INPUT_MISSING", `${file}: no such image file`, { context: { file }, cause });
  });
  if (real.startsWith(root.endsWith(sep) ? root : `${root}${sep}`)) return file;
  throw new SlmError("DATA_INVALID", `${file}: a link leads out of ${folder}`, { context: { file } });
}
