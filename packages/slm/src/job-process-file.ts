import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The program of a job process, which is next to this file after a build. */
export const JOB_PROCESS_FILE = builtFile();

function builtFile(): string {
  const beside = fileURLToPath(new URL("./job-process.js", import.meta.url));
  // Tests run the sources; processes run the built files.
  return existsSync(beside) ? beside : fileURLToPath(new URL("../dist/job-process.js", import.meta.url));
}
