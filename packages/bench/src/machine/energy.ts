/** Energy of the CPU, if the system reports it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Linux's directory of RAPL counters (Intel and AMD CPUs). */
const POWERCAP = "/sys/class/powercap";

/** Domains of whole CPUs. Their subdomains, cores and memory, are already included. */
const PACKAGE_DOMAIN = /^intel-rapl:\d+$/;

interface Counter {
  readonly path: string;
  /** The counter wraps around after this [µJ]. */
  readonly range: number;
  last: number;
}

export interface EnergyMeter {
  /** Source of the energy figures, or why there are none. */
  readonly source: string;
  /** Energy of the whole CPUs since the previous call [J]; undefined without a counter. */
  readonly take: () => number | undefined;
}

/**
 * Opens the counters of every CPU package.
 *
 * Reads: `energy_uj` and `max_energy_range_uj` below /sys/class/powercap. Most systems let only root read them.
 * Source: Linux, Documentation/power/powercap/powercap.rst.
 */
export function openEnergyMeter(folder = POWERCAP): EnergyMeter {
  const domains = packageDomains(folder);
  if (typeof domains === "string") return absent(domains);
  try {
    const counters = domains.map((domain): Counter => {
      const path = join(folder, domain, "energy_uj");
      return {
        path,
        range: readCount(join(folder, domain, "max_energy_range_uj")),
        last: readCount(path),
      };
    });
    return {
      source: `RAPL, ${counters.length} ${counters.length === 1 ? "package" : "packages"}, includes all other programs`,
      take: () => counters.reduce((sum, counter) => sum + advance(counter), 0) / 1e6,
    };
  } catch (error) {
    return absent(`RAPL cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function absent(reason: string): EnergyMeter {
  return { source: `not measured: ${reason}`, take: () => undefined };
}

/** Names of the packages' domains, or why there are none. */
function packageDomains(folder: string): readonly string[] | string {
  let names: readonly string[];
  try {
    names = readdirSync(folder);
  } catch {
    return process.platform === "linux"
      ? `${folder} does not exist`
      : `${process.platform} has no energy counters for ordinary programs`;
  }
  const found = names.filter((name) => PACKAGE_DOMAIN.test(name));
  return found.length > 0 ? found : `${folder} lists no CPU, as on most virtual machines`;
}

function readCount(path: string): number {
  const text = readFileSync(path, "utf8").trim();
  const count = Number(text);
  if (text === "" || !Number.isSafeInteger(count) || count < 0)
    throw new Error(`${path}: expected a number, got '${text}'`);
  return count;
}

/** [µJ] */
function advance(counter: Counter): number {
  const now = readCount(counter.path);
  const passed = now >= counter.last ? now - counter.last : now + counter.range - counter.last;
  counter.last = now;
  return passed;
}
