/** Makes a project: package.json, the slm package, and a recipe from `slm init`. */
import { spawn } from "node:child_process";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";

export interface ProjectRequest {
  /** The new folder. */
  readonly folder: string;
  /** Flags of `slm init`. Paths in them start from the current directory. */
  readonly flags: readonly string[];
}

/** Ends the program with a message and an exit code. */
export class SetupFailed extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

const USAGE = `usage: npm create @encdec/slm FOLDER -- [flags of slm init]

  npm create @encdec/slm my-task -- --data rows.csv --source text --target label`;

/** The first word is the folder, everything after it is for `slm init`. @throws SetupFailed with the usage */
export function parseArguments([folder, ...flags]: readonly string[]): ProjectRequest {
  if (folder === "--help" || folder === "-h") throw new SetupFailed(USAGE, 0);
  if (folder === undefined || folder.startsWith("-"))
    throw new SetupFailed(`The first argument must be the new folder\n${USAGE}`, 2);
  return { folder, flags };
}

/** @throws SetupFailed if the folder has files, or with the exit code of npm or of slm */
export async function createProject({ folder, flags }: ProjectRequest): Promise<void> {
  const root = resolve(folder);
  await mkdir(root, { recursive: true });
  if ((await readdir(root)).length > 0)
    throw new SetupFailed(`${folder} is not empty: expected a new or an empty folder`, 74);
  const name = packageName(basename(root));
  const scripts = { train: "slm run recipe.yaml" };
  const manifest = { name, private: true, type: "module", scripts };
  await writeFile(join(root, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  await writeFile(join(root, ".gitignore"), "node_modules/\nruns/\n");

  await runNpm(root, ["install", "--ignore-scripts", `@encdec/slm@${await ownVersion()}`]);
  const slm = join(root, "node_modules", "@encdec", "slm", "bin", "run.js");
  const named = flags.includes("--name") ? [] : ["--name", name];
  const code = await runNode([slm, "init", "-o", join(folder, "recipe.yaml"), ...named, ...flags]);
  if (code !== 0)
    throw new SetupFailed(
      `slm is installed in ${folder}, but there is no recipe yet:\n  cd ${folder}\n  npx --no-install slm init`,
      code,
    );
  process.stderr.write(`next:\n  cd ${folder}\n  npx --no-install slm run recipe.yaml --dry-run\n`);
}

/** A name that npm and `slm init` accept. */
function packageName(folder: string): string {
  const name = folder
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+/, "");
  return name === "" ? "my-task" : name;
}

/** slm has the version of this package. */
async function ownVersion(): Promise<string> {
  const text = await readFile(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** npm as it runs this program; `npm` itself where it does not. */
async function runNpm(folder: string, argv: readonly string[]): Promise<void> {
  const npm = process.env.npm_execpath;
  const code =
    npm === undefined ? await run("npm", argv, folder) : await run(process.execPath, [npm, ...argv], folder);
  if (code !== 0) throw new SetupFailed(`npm ${argv.join(" ")} failed`, code);
}

const runNode = (argv: readonly string[]): Promise<number> => run(process.execPath, argv, process.cwd());

function run(program: string, argv: readonly string[], cwd: string): Promise<number> {
  return new Promise((done, fail) => {
    const child = spawn(program, argv, { cwd, stdio: "inherit" });
    child.on("error", fail);
    child.on("close", (code) => {
      done(code ?? 1);
    });
  });
}
