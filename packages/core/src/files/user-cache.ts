/** The user's cache folder, for files that slm can create or download again. */
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * The `slm` folder in the user's cache folder. Reads: XDG_CACHE_HOME, on Windows LOCALAPPDATA.
 * Source: XDG Base Directory Specification 0.8; an empty variable counts as absent.
 */
export function userCacheFolder(platform: NodeJS.Platform = process.platform): string {
  const given = process.env.XDG_CACHE_HOME || (platform === "win32" && process.env.LOCALAPPDATA);
  return join(given || join(homedir(), ".cache"), "slm");
}
