/** Writes a systemd unit and a Dockerfile that run `slm serve` on a bundle. */
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder, SLM_VERSION, writeTextAtomic, SlmError } from "@slm/core";

export interface ServerFilesOptions {
  /** Name of the service: letters, digits and dashes. */
  readonly name: string;
  /** Port of the service. */
  readonly port: number;
}

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;

/** Directory of the bundle on the machine. */
const installPath = (name: string): string => `/opt/slm/${name}`;

/**
 * Copies the bundle into `output/bundle` and writes `NAME.service`, `Dockerfile` and `README.md` next to it.
 *
 * @throws SlmError USAGE for an invalid service name.
 */
export async function writeServerFiles(
  bundle: string,
  output: string,
  { name, port }: ServerFilesOptions,
): Promise<readonly string[]> {
  if (!NAME.test(name)) {
    throw new SlmError(
      "USAGE",
      `deploy: expected a service name of lower-case letters, digits and dashes, got '${name}'`,
      {
        suggestions: ["--name my-model"],
      },
    );
  }
  await makeFolder(output);
  await cp(bundle, join(output, "bundle"), { recursive: true });
  const files: Readonly<Record<string, string>> = {
    [`${name}.service`]: systemdUnit(name, port),
    Dockerfile: dockerfile(port),
    "README.md": instructions(name, port),
  };
  for (const [file, text] of Object.entries(files)) await writeTextAtomic(join(output, file), text);
  return Object.keys(files);
}

/** `systemctl reload` loads a new bundle without dropping requests; `stop` waits for answers in progress. */
function systemdUnit(name: string, port: number): string {
  return `[Unit]
Description=slm serve ${name}
After=network-online.target
Wants=network-online.target

[Service]
Type=exec
ExecStart=/usr/bin/env slm serve ${installPath(name)}/bundle --host 127.0.0.1 --port ${port}
ExecReload=/bin/kill -HUP $MAINPID
# API keys, one variable per line: SLM_API_KEYS, SLM_ADMIN_KEY
EnvironmentFile=-/etc/slm/${name}.env
Restart=on-failure
TimeoutStopSec=45
DynamicUser=yes
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
`;
}

function dockerfile(port: number): string {
  return `FROM node:20-slim
# slm.tgz is the packed command line: npm pack @encdec/slm, or npm run package and npm pack ./dist-package in its repository
COPY slm.tgz /tmp/slm.tgz
RUN npm install --global --ignore-scripts /tmp/slm.tgz && rm /tmp/slm.tgz
COPY bundle /bundle
USER node
EXPOSE ${port}
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s \\
  CMD ["node", "-e", "fetch('http://127.0.0.1:${port}/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["slm", "serve", "/bundle", "--host", "0.0.0.0", "--port", "${port}"]
`;
}

function instructions(name: string, port: number): string {
  return `# ${name}

Written by slm ${SLM_VERSION}. To run it as a service:

\`\`\`sh
sudo mkdir -p ${installPath(name)} && sudo cp -r bundle ${installPath(name)}/
sudo cp ${name}.service /etc/systemd/system/ && sudo systemctl enable --now ${name}
curl http://127.0.0.1:${port}/health
\`\`\`

To replace the bundle without dropping requests, replace \`${installPath(name)}/bundle\` and run
\`sudo systemctl reload ${name}\`. To run it as a container: \`docker build -t ${name} . && docker run -p ${port}:${port} ${name}\`.
`;
}
