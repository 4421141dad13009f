/** Settings that name files. Their schema format lets a recipe resolve them. */
import { z } from "zod";

/** `format` values of such settings in the JSON Schema of a recipe. */
export const PATH_FORMATS = { path: "path", pathOrId: "path-or-id" } as const;

/** A path of a file or folder. In a recipe it is relative to the recipe's folder, in a flag to the current one. */
export const pathSetting = z.string().min(1).meta({ format: PATH_FORMATS.path });

/** A {@link pathSetting} or a model id of the hub. It is a path if such a file exists. */
export const pathOrIdSetting = z.string().min(1).meta({ format: PATH_FORMATS.pathOrId });
