/** Measures the rates of a runtime in a process of its own. */
import { ENTRY, startProcess } from "./child-process.js";
import type { RuntimeModule } from "./runtime-module.js";
import type { MachineRates } from "../machine/rates.js";

/** @throws SlmError DEVICE_UNAVAILABLE, and the errors of the runtime */
export async function forkRates(runtime: RuntimeModule, entry = ENTRY): Promise<MachineRates> {
  const { request, end } = startProcess("the machine", entry);
  try {
    return (await request({ kind: "rates", runtime }, "rates")).rates;
  } finally {
    await end();
  }
}
