/**
 * The job process of `slm worker`, except that it never finishes a job: it computes its first one, writes a marker file, and then hangs.
 */
import { writeFile } from "node:fs/promises";
import serve from "../../packages/slm/dist/job-process.js";

export default async function hang(...job) {
  const { outputs } = await serve(...job);
  await writeFile(process.env.SLM_TEST_MARK, Object.keys(outputs).join());
  await new Promise(() => undefined);
}
