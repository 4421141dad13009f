/** The destinations of a bundle: one row per target. */
import { mkdtemp } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { readDeviceModel, type DeviceModel, type EngineName } from "@slm/exported-model";
import { removePath, writeJsonAtomic } from "@slm/core";
import { shellWord, SlmError } from "@slm/core/errors";
import type { NpmPackageOptions } from "@slm/deploy";
import type { Destination } from "./destinations.js";

export interface DeliveryRequest {
  /** A complete and verified bundle, signed or not. */
  readonly bundle: string;
  /** `--output`, or its default. */
  readonly output: string;
  readonly name: string | undefined;
  readonly reference: string | undefined;
  readonly repository: string | undefined;
  readonly licence: string;
  readonly packageVersion: string;
  readonly port: number;
  /** What runs the model in a page or an npm package. Default: see `chooseEngine`. */
  readonly engine: EngineName | undefined;
  readonly device: string | undefined;
  readonly deviceDirectory: string;
  readonly deviceCommand: string;
  readonly dryRun: boolean;
  readonly environment: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly note: (text: string) => void;
}

/** The report of a delivery without the bundle's files. Each optional field belongs to one target. */
export interface Delivery {
  /** Location of the delivered bundle: a path, an address or a device. */
  readonly bundle: string;
  readonly digest?: string;
  readonly commit?: string;
  /** The benchmark that ran on the device. */
  readonly bench?: unknown;
  readonly dryRun?: true;
  /** The files that were written, instead of the bundle's; sizes are not known. */
  readonly written?: readonly string[];
  /** The command to run next. */
  readonly next?: string;
}

/** Extension of npm packages. */
const TARBALL = ".tgz";

/** The targets except `dir`, which the command itself writes. */
export const DELIVERIES: {
  readonly [T in Exclude<Destination, "dir">]: (request: DeliveryRequest) => Promise<Delivery>;
} = {
  oci: async ({ bundle, reference, dryRun, environment, signal, note }) => {
    const { parseOciReference, pushBundle, registryCredentials } = await import("@slm/deploy");
    const parsed = parseOciReference(needed(reference, "--reference", "registry.example.org/team/model:1.0"));
    const credentials = registryCredentials(environment);
    if (dryRun) return { bundle: `${parsed.registry}/${parsed.repository}:${parsed.version}`, dryRun };
    const pushed = await pushBundle(bundle, parsed, {
      signal,
      credentials,
      onFile: (path, done, total) => {
        note(`push  ${done}/${total}  ${path}`);
      },
    });
    return { bundle: pushed.reference, digest: pushed.digest };
  },
  hub: async ({ bundle, output, repository, licence, dryRun, environment }) => {
    const { checkHubRepository, uploadToHub, writeHubLayout } = await import("@slm/deploy");
    const name = needed(repository, "--repo", "me/my-model");
    checkHubRepository(name);
    const token = environment["HF_TOKEN"] ?? "";
    if (!dryRun && token === "") {
      throw new SlmError("USAGE", "deploy: HF_TOKEN: expected a token with write access, got none", {
        suggestions: ["slm deploy MODEL --to hub --repo me/my-model --dry-run"],
      });
    }
    const paths = await writeHubLayout(bundle, output, { licence });
    if (dryRun) return { bundle: output, dryRun };
    const hubUrl = environment["HF_ENDPOINT"];
    const uploaded = await uploadToHub(output, paths, {
      repository: name,
      token,
      hubUrl,
    });
    return { bundle: uploaded.url, commit: uploaded.commit };
  },
  npm: async ({ bundle, output, name, packageVersion, licence, engine }) => {
    const { writeNpmPackage } = await import("@slm/deploy");
    const model = await readDeviceModel(bundle);
    // npm installs a file only with this extension.
    const file = output.endsWith(TARBALL) ? output : `${output}${TARBALL}`;
    await writeNpmPackage(bundle, file, {
      name: name ?? model.name,
      version: packageVersion,
      programs: nodePrograms(model),
      engine,
      licence,
    });
    return { bundle: file, next: `npm install ${shellWord(isAbsolute(file) ? file : `./${file}`)}` };
  },
  web: async ({ bundle, output, name, engine }) => {
    const { writeWebSite } = await import("@slm/deploy");
    const model = await readDeviceModel(bundle);
    const title = name ?? model.title ?? model.name;
    const page = join(webPackage(), "dist", "site");
    const written = await writeWebSite(bundle, output, { page, title, engine });
    return { bundle: output, written, next: `npx serve ${shellWord(output)}` };
  },
  server: async ({ bundle, output, name, port }) => {
    const { writeServerFiles } = await import("@slm/deploy");
    const model = (await readDeviceModel(bundle)).name;
    await writeServerFiles(bundle, output, { name: name ?? `slm-${model.toLowerCase()}`, port });
    return { bundle: output };
  },
  device: async ({ bundle, output, device, deviceDirectory, deviceCommand, signal }) => {
    const { benchOnDevice, packBundle, parseDeviceAddress } = await import("@slm/deploy");
    const { benchResultSchema } = await import("@slm/bench");
    const address = parseDeviceAddress(needed(device, "--device", "ssh:pi@raspberry.local"));
    const root = await mkdtemp(join(tmpdir(), "slm-device-"));
    try {
      const file = join(root, "bundle.slm");
      await packBundle(bundle, file);
      const options = { directory: deviceDirectory, command: deviceCommand, signal };
      const printed = await benchOnDevice(file, address, options);
      const result =
        typeof printed === "object" && printed !== null && "result" in printed ? printed.result : undefined;
      const checked = benchResultSchema.safeParse(result);
      if (!checked.success) {
        throw new SlmError(
          "DEVICE_UNAVAILABLE",
          "deploy: expected a benchmark from slm bench on the device, got other output",
        );
      }
      await writeJsonAtomic(output, checked.data);
      return { bundle: `${device ?? ""}:${deviceDirectory}`, bench: checked.data };
    } finally {
      await removePath(root);
    }
  },
};

/** @throws SlmError USAGE if a flag that the target needs was not given */
function needed(value: string | undefined, flag: string, example: string): string {
  if (value !== undefined) return value;
  throw new SlmError("USAGE", `deploy: this target needs ${flag}, got none`, {
    suggestions: [`${flag} ${example}`],
  });
}

/** `imports` in package.json maps this to the page's package here, and to a folder in the published package. */
const WEB_PACKAGE = "#web/package.json";

/** Directory of the built page and npm program, whose files are copied, not imported. */
function webPackage(): string {
  return dirname(createRequire(import.meta.url).resolve(WEB_PACKAGE));
}

type Dependencies = Readonly<Record<string, string>>;

/** The programs of an npm package. Only ONNX Runtime is a package of its own, and only vision-language models need the image decoder. */
function nodePrograms({ vision }: DeviceModel): NpmPackageOptions["programs"] {
  const { nodeDependencies, imageDependencies } = createRequire(import.meta.url)(WEB_PACKAGE) as {
    readonly nodeDependencies: Dependencies;
    readonly imageDependencies: Dependencies;
  };
  const built = join(webPackage(), "dist");
  return {
    wasm: {
      files: {
        "index.js": join(built, "node", "portable.js"),
        "kernels.wasm": join(built, "site", "kernels.wasm"),
      },
      dependencies: {},
    },
    onnxruntime: {
      files: { "index.js": join(built, "node", "graphs.js") },
      dependencies: vision === undefined ? nodeDependencies : { ...nodeDependencies, ...imageDependencies },
    },
  };
}
