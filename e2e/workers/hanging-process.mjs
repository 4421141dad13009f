/** The job process of `slm worker`, but it never ends a job: it does its first one, leaves a mark, and says nothing more. */
import { writeFile } from "node:fs/promises";
import serve from "../../packages/slm/dist/job-process.js";

export default async function hang(...job) {
  const { outputs } = await serve(...job);
  await writeFile(process.env.SLM_TEST_MARK, Object.keys(outputs).join());
  await new Promise(() => undefined);
}
