/** Settings with file paths. The format in their schema tells a recipe to resolve them. */
import { z } from "zod";

/** `format` values of path settings in the JSON Schema of a recipe. */
export const PATH_FORMATS = { path: "path", pathOrId: "path-or-id" } as const;

/** The path of a file or folder. In a recipe it is relative to the recipe's folder, in a flag to the current directory. */
export const pathSetting = z.string().min(1).meta({ format: PATH_FORMATS.path });

/** A {@link pathSetting} or a model id of the hub. It is a path if the file exists. */
export const pathOrIdSetting = z.string().min(1).meta({ format: PATH_FORMATS.pathOrId });
