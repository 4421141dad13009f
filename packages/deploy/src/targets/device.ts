/** Copies a packed bundle to a device over ssh or adb and runs `slm bench` there. */
import { basename } from "node:path";
import { execa } from "execa";
import { SlmError } from "@slm/core";

/** How to connect to a device. */
export type DeviceAddress =
  | { readonly kind: "ssh"; readonly host: string }
  | { readonly kind: "adb"; readonly serial: string | undefined };

export interface DeviceOptions {
  /** Directory on the device. It is created if needed. */
  readonly directory: string;
  /** Command that runs slm on the device. */
  readonly command: string;
  readonly signal: AbortSignal;
}

/** Allowed host or serial number: cannot be read as an option, or as more than one word by a shell. */
const WORD = /^[A-Za-z0-9_[\]][A-Za-z0-9._:@[\]-]{0,254}$/;
/** Allowed path or command: it is passed through the device's shell. */
const REMOTE_PATH = /^[A-Za-z0-9_/~.][A-Za-z0-9_/.~+-]{0,511}$/;

/** Commands of each connection that copy a file and run a command. */
const CONNECTIONS = {
  ssh: {
    copy: (address: string, file: string, target: string) => [
      "scp",
      "-q",
      "-B",
      file,
      `${address}:${target}`,
    ],
    run: (address: string, command: string) => ["ssh", "-o", "BatchMode=yes", address, command],
  },
  adb: {
    copy: (serial: string, file: string, target: string) => ["adb", ...device(serial), "push", file, target],
    run: (serial: string, command: string) => ["adb", ...device(serial), "shell", command],
  },
} as const;

const device = (serial: string): readonly string[] => (serial === "" ? [] : ["-s", serial]);

/** `ssh:user@host`, `adb` or `adb:serial`. @throws SlmError USAGE */
export function parseDeviceAddress(text: string): DeviceAddress {
  const [kind, ...rest] = text.split(":");
  const name = rest.join(":");
  if (kind === "ssh" && WORD.test(name)) return { kind, host: name };
  if (kind === "adb" && (rest.length === 0 || WORD.test(name)))
    return { kind, serial: rest.length === 0 ? undefined : name };
  throw new SlmError("USAGE", `deploy: expected ssh:user@host, adb or adb:serial, got '${text}'`, {
    suggestions: ["--device ssh:pi@raspberry.local", "--device adb"],
  });
}

/**
 * @param file packed bundle
 * @returns the output of `slm bench --json` on the device
 * @throws SlmError DEVICE_UNAVAILABLE if the device cannot be reached or its slm fails; USAGE for a path with characters that a shell
 * interprets.
 */
export async function benchOnDevice(
  file: string,
  address: DeviceAddress,
  { directory, command, signal }: DeviceOptions,
): Promise<unknown> {
  for (const word of [directory, command]) {
    if (!REMOTE_PATH.test(word)) {
      throw new SlmError(
        "USAGE",
        `deploy: a path on a device may contain only letters, digits and / . _ + -, got '${word}'`,
      );
    }
  }
  const name = address.kind === "ssh" ? address.host : (address.serial ?? "");
  const target = `${directory}/${basename(file).replaceAll(/[^A-Za-z0-9._-]/g, "_")}`;
  const { copy, run } = CONNECTIONS[address.kind];
  await call(run(name, `mkdir -p ${directory}`), address, signal);
  await call(copy(name, file, target), address, signal);
  await call(run(name, `${command} verify ${target}`), address, signal);
  const output = await call(run(name, `${command} bench ${target} --json`), address, signal);
  try {
    return JSON.parse(output);
  } catch (cause) {
    throw new SlmError(
      "DEVICE_UNAVAILABLE",
      `deploy: ${command} bench on ${name || "the device"} did not print JSON`,
      { cause },
    );
  }
}

async function call(
  [program = "", ...argv]: readonly string[],
  address: DeviceAddress,
  signal: AbortSignal,
): Promise<string> {
  const result = await execa(program, argv, {
    reject: false,
    cancelSignal: signal,
    stdin: "ignore",
    maxBuffer: 2 ** 26,
  });
  signal.throwIfAborted();
  if (!result.failed) return result.stdout;
  const reason = result.stderr.trim().split("\n").at(-1) ?? "";
  throw new SlmError(
    "DEVICE_UNAVAILABLE",
    `deploy: ${program} ${argv.at(-1) ?? ""}: ${reason || result.shortMessage}`,
    {
      context: { program, argv, exitCode: result.exitCode ?? null },
      suggestions:
        address.kind === "ssh"
          ? [`ssh ${address.host} slm doctor`]
          : ["adb devices", "install Node and slm on the device first"],
      cause: result,
    },
  );
}
