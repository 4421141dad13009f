/** Settings that name files, marked so that a recipe can find them. */
import { z } from "zod";

/** Formats of settings that name files, as the JSON Schema of a recipe says them. */
export const PATH_FORMATS = { path: "path", pathOrId: "path-or-id" } as const;

/** A file or folder that a setting names. In a recipe's file it starts from the recipe's folder, in a flag from the current one. */
export const pathSetting = z.string().min(1).meta({ format: PATH_FORMATS.path });

/** A {@link pathSetting} or a name of the model hub: a path where there is such a file. */
export const pathOrIdSetting = z.string().min(1).meta({ format: PATH_FORMATS.pathOrId });
