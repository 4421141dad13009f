import { execFileSync } from "node:child_process";
import { join } from "node:path";

const SCRIPT = join(import.meta.dirname, "../scripts/lib/install-missing.sh");

/** Installs a program from the Debian package of the same name if it is missing. @returns its path */
export const debianProgram = (/** @type {string} */ name) =>
  execFileSync("bash", ["-c", '. "$0" && install_missing "$1" && command -v "$1"', SCRIPT, name], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  }).trim();
