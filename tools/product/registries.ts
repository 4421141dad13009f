/** Registries on this machine, and package checkers. They are installed outside the repository. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { USER_CACHE } from "../lib/user-cache.mjs";
import { debianProgram } from "../lib/debian-program.mjs";

/** verdaccio 6.8.0 is the last version for Node 20. One of its dependencies needs a tag of node-fetch that some registries lack. */
const TOOLS = {
  private: true,
  dependencies: { verdaccio: "6.8.0", publint: "0.3.25", "@arethetypeswrong/cli": "0.18.5" },
  overrides: { "node-fetch": "2.7.0" },
};

/** The published package as a folder. */
export const PRODUCT = join(import.meta.dirname, "..", "..", "dist-package");

/** A server of this machine. */
interface Server {
  /** Host and port. */
  readonly address: string;
  readonly close: () => Promise<void>;
}

/** Installs the programs once for all runs on this machine. @returns their `node_modules` */
export async function toolModules(): Promise<string> {
  const folder = join(USER_CACHE, "e2e-install", Object.values(TOOLS.dependencies).join("-"));
  const done = join(folder, "installed");
  if (!existsSync(done)) {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "package.json"), JSON.stringify(TOOLS));
    const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    execFileSync("npm", ["install", ...flags], { cwd: folder, stdio: "inherit" });
    await writeFile(done, "");
  }
  return join(folder, "node_modules");
}

/** npm settings for a registry with our scope. Any token works, because everyone may publish to the registry. */
export const npmSettings = ({ address }: Server): string =>
  `@encdec:registry=http://${address}/\n//${address}/:_authToken=none\n`;

/** Starts an npm registry on a free port with only our scope. All other packages come from the usual registry. */
export async function startRegistry(root: string): Promise<Server> {
  const folder = await mkdtemp(join(root, "registry-"));
  const address = `127.0.0.1:${await freePort()}`;
  const file = await configuration(folder, {
    storage: join(folder, "storage"),
    auth: { htpasswd: { file: join(folder, "htpasswd") } },
    packages: { "@encdec/*": { access: "$all", publish: "$all" } },
    max_body_size: "200mb",
    log: { type: "stdout", level: "error" },
  });
  const program = join(await toolModules(), "verdaccio", "bin", "verdaccio");
  const argv = [program, "--config", file, "--listen", address];
  return started(address, "-/ping", process.execPath, argv);
}

/** Starts a container registry on a free port. */
export async function startOciRegistry(root: string): Promise<Server> {
  const folder = await mkdtemp(join(root, "oci-"));
  const address = `127.0.0.1:${await freePort()}`;
  const file = await configuration(folder, {
    version: 0.1,
    log: { level: "error", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, "storage") } },
    http: { addr: address },
  });
  return started(address, "v2/", debianProgram("docker-registry"), ["serve", file]);
}

async function configuration(folder: string, settings: object): Promise<string> {
  const file = join(folder, "config.yaml");
  await writeFile(file, JSON.stringify(settings)); // JSON is YAML.
  return file;
}

/** Starts a server and waits until it answers. @throws Error if its process ends first, or after a minute */
async function started(address: string, path: string, program: string, argv: string[]): Promise<Server> {
  const child = spawn(program, argv, { stdio: ["ignore", "ignore", "pipe"] });
  let story = "";
  child.stderr.on("data", (chunk: Buffer) => (story += chunk.toString()));
  const isReady = (): Promise<boolean> =>
    fetch(`http://${address}/${path}`).then(
      ({ ok }) => ok,
      () => false,
    );
  for (const end = Date.now() + 60_000; !(await isReady());) {
    if (child.exitCode !== null || Date.now() > end) throw new Error(`${address}: no server: ${story}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { address, close: () => ended(child) };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  child.kill();
  await once(child, "exit");
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
