import { execFileSync } from "node:child_process";
import { join } from "node:path";

const SCRIPT = join(import.meta.dirname, "../scripts/lib/install-missing.sh");

/** A program of the Debian package of its name, installed where it is missing. @returns its path */
export const debianProgram = (/** @type {string} */ name) =>
  execFileSync("bash", ["-c", '. "$0" && install_missing "$1" && command -v "$1"', SCRIPT, name], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  }).trim();
