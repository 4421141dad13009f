/** The job process of `slm worker`, except that a certain row ends it, like a crash of native code. */
import { join } from "node:path";
import { readSafetensors } from "../../packages/checkpoints/dist/index.js";
import { SharedFiles, DirectoryStore } from "../../packages/extension-workers/dist/index.js";

// Read before the job process removes the variable from the environment.
const { storage, scratch } = JSON.parse(process.env.SLM_JOB_PROCESS);
const { default: serve } = await import("../../packages/slm/dist/job-process.js");
const crashing = process.env.SLM_TEST_CRASHING_SOURCE;

async function isIn({ run, inputs: { task } }) {
  const path = join(scratch, `peek-${process.pid}.safetensors`);
  await new SharedFiles(await DirectoryStore.open(storage), run).getFile(task, path);
  const { tensors } = await readSafetensors(path);
  const [all, lengths] = ["sources", "sourceLengths"].map((name) => tensors.get(name).data);
  let at = 0;
  for (const length of lengths) {
    if (all.slice(at, at + length).join(" ") === crashing) return true;
    at += length;
  }
  return false;
}

export default async function crash(job, ...more) {
  if (await isIn(job.data)) process.kill(process.pid, "SIGKILL");
  return serve(job, ...more);
}
